"""Compose: a mailing's snapshot compiled once, and each recipient's mail made from it."""

from ctm.mailing.compose.addresses import check_address, header_address, needs_utf8
from ctm.mailing.compose.content import Attachment, MailContent
from ctm.mailing.compose.errors import AddressError, ComposeError
from ctm.mailing.compose.mail import CompiledMail, compile_mail
from ctm.mailing.compose.preview import RenderedPreview, preview
from ctm.mailing.compose.sanitise import Sanitised, sanitise, sanitise_mail_html
from ctm.mailing.compose.text import derive_text

__all__ = [
    "AddressError",
    "Attachment",
    "CompiledMail",
    "ComposeError",
    "MailContent",
    "RenderedPreview",
    "Sanitised",
    "check_address",
    "compile_mail",
    "derive_text",
    "header_address",
    "needs_utf8",
    "preview",
    "sanitise",
    "sanitise_mail_html",
]
