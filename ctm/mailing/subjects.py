"""The subject of a mail as its recipient read it."""

from functools import lru_cache

from ctm.errors import CtmError
from ctm.mailing import values
from ctm.mailing.merge import CATALOGUE, Template, compile_template
from ctm.models import Message


@lru_cache(maxsize=256)
def _compiled(subject: str, language: str) -> Template | None:
    try:
        return compile_template(subject, CATALOGUE, html=False, language=language)
    except CtmError:
        return None


def subject_of(message: Message) -> str:
    """Filled in with the values kept with the message; as written before it is sent."""
    mailing = message.mailing
    template = _compiled(mailing.subject, mailing.options.get("language", "it"))
    if template is None or message.merge_values is None:
        return mailing.subject
    return template.render(values.thaw(message.merge_values))
