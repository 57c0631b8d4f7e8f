"""What a mail is made of: the snapshot that a mailing keeps."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with the mail; with ``cid`` it is shown inside the HTML (``cid:…``)."""

    filename: str
    content_type: str
    data: bytes = field(repr=False)
    cid: str | None = None


@dataclass(frozen=True, slots=True)
class MailContent:
    """All that the copies of one mailing share.

    ``subject``, ``html`` and ``text`` may hold merge fields; without ``text`` it is derived from
    ``html``. ``public_url`` is the address recipients reach CTM at; None means no tracked links,
    no pixel and no remove link; without ``track`` only the remove link stays. ``track_text_links``
    tracks the links of the text part too.
    With ``documents`` each copy may carry files of its own.
    ``language`` is the mailing's: month names, the remove line, the ``lang`` of the HTML.
    """

    subject: str
    html: str | None
    text: str | None
    from_email: str
    from_name: str = ""
    reply_to: str | None = None
    cc: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    public_url: str | None = None
    language: str = "it"
    unsubscribe: bool = True
    extra_headers: tuple[tuple[str, str], ...] = ()
    read_receipt_to: str | None = None
    track_text_links: bool = False
    documents: bool = False
    track: bool = True
