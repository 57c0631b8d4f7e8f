"""From claimed messages to mails ready for the wire: mailings compiled once, values by group."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from ctm import bulk, files
from ctm.clock import Clock
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.i18n import _
from ctm.mailing import snapshot, values
from ctm.mailing.compose import (
    Attachment,
    CompiledMail,
    ComposeError,
    header_address,
)
from ctm.mailing.engine.session import Job
from ctm.mailing.outbox import Claimed, Result
from ctm.mailing.tracking.tokens import make_token
from ctm.models import Mailing, MailingKind, Message, MessageFile, MessageState, StoredFile

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A mailing in the worker's memory. ``refusal`` says why it cannot be made, if so.

    ``copies`` are the envelope's further recipients. The mails of a ``varied`` mailing may have
    recipients and files of their own.
    """

    compiled: CompiledMail | None
    sender: str
    copies: tuple[str, ...]
    language: str
    refusal: str = ""
    varied: bool = False


@dataclass(frozen=True)
class Own:
    """What one mail of a list has of its own, beside its values."""

    others: tuple[str, ...] = ()
    documents: tuple[StoredFile, ...] = ()


NOTHING = Own()


class MailDesk:
    """Makes mails. Holds the compiled mailings and the merge values of claimed messages."""

    def __init__(self, engine: Engine, clock: Clock, tracking_key: bytes) -> None:
        self._engine = engine
        self._clock = clock
        self._key = tracking_key
        self._mailings: dict[int, Prepared] = {}
        self._values: dict[int, dict[str, object]] = {}
        self._own: dict[int, Own] = {}
        self._made: dict[int, Job | Result] = {}

    def expect(self, mailing_id: int, messages: Sequence[Claimed]) -> None:
        """Read what these messages of one mailing will need, in one query."""
        prepared = self._mailing(mailing_id)
        if prepared.compiled is None:
            return
        if prepared.varied:
            with self._engine.connect() as connection:
                self._own |= _own(connection, [each.id for each in messages])
        fields = prepared.compiled.fields
        missing = [each.client_id for each in messages if each.merge_values is None]
        found: dict[int, dict[str, object]] = {}
        if fields and missing:
            ids = sorted({client_id for client_id in missing if client_id is not None})
            with self._engine.connect() as connection:
                found = values.of_clients(connection, ids, fields, prepared.language)
        for message in messages:
            if message.merge_values is not None:
                self._values[message.id] = values.thaw(message.merge_values)
            elif not fields:
                self._values[message.id] = {}
            elif message.client_id in found:
                self._values[message.id] = found[message.client_id]

    def forget(self, message: Claimed) -> None:
        """Drop a message's values: it has its outcome, or is back in the queue."""
        self._values.pop(message.id, None)
        self._own.pop(message.id, None)
        self._made.pop(message.id, None)

    @property
    def mailings(self) -> set[int]:
        """The mailings that are compiled."""
        return set(self._mailings)

    def keep(self, mailing_ids: set[int]) -> None:
        """Drop all other compiled mailings, and their attachments with them."""
        for mailing_id in self._mailings.keys() - mailing_ids:
            del self._mailings[mailing_id]

    def make_ahead(self, messages: Iterable[Claimed]) -> None:
        """Make mails whose turn comes soon. Many in a row cost less than each between others."""
        now = self._clock.now()
        for message in messages:
            if message.id not in self._made:
                self._made[message.id] = self._make(message, now)

    def make(self, message: Claimed) -> Job | Result:
        """The mail, or a failed result that says why there is none.

        A mail that was given back before its body began is made again: its values stay until
        :meth:`forget`.
        """
        return self._made.pop(message.id, None) or self._make(message, self._clock.now())

    def _make(self, message: Claimed, now: datetime) -> Job | Result:
        prepared = self._mailing(message.mailing_id)
        merged = self._values.get(message.id)
        if prepared.compiled is None:
            return _failed(message, now, prepared.refusal, "not_made")
        if merged is None:
            words = _("The client was deleted meanwhile.")
            return _failed(message, now, words, "client_deleted")
        try:
            own = self._own.get(message.id, NOTHING)
            together = tuple(map(header_address, (message.to_address, *own.others)))
            utf8 = prepared.compiled.needs_utf8 or not all(map(str.isascii, together))
            data = prepared.compiled.render(
                to_address=message.to_address,
                to_name=message.to_name,
                values=merged,
                token=make_token(self._key, message.id),
                message_id=message.message_id,
                date=now,
                utf8=utf8,
                others=own.others,
                attachments=_attachments(own) if own.documents else (),
            )
        except CtmError as error:
            return _failed(message, now, str(error), "not_made")
        if prepared.compiled.dotted:
            data = _stuff(data)
        return Job(message, prepared.sender, together + prepared.copies, data, utf8, merged)

    def _mailing(self, mailing_id: int) -> Prepared:
        if mailing_id not in self._mailings:
            self._mailings[mailing_id] = self._prepare(mailing_id)
        return self._mailings[mailing_id]

    def _prepare(self, mailing_id: int) -> Prepared:
        mailing = db.session.get(Mailing, mailing_id, populate_existing=True)
        assert mailing is not None
        language = mailing.options.get("language", "it")
        try:
            copies = tuple(
                header_address(each)
                for kept in (mailing.cc, mailing.bcc)
                for each in snapshot.split_addresses(kept)
            )
            sender = header_address(mailing.from_email)
            compiled = snapshot.compile_mailing(mailing)
            varied = mailing.kind == MailingKind.LIST
            return Prepared(compiled, sender, copies, language, varied=varied)
        except (CtmError, ComposeError) as error:
            which = {"mailing_id": mailing_id, "campaign_id": mailing.campaign_id}
            log.error("mailing %s cannot be made: %s", mailing_id, error, extra=which)
            return Prepared(None, "", (), language, str(error))
        finally:
            db.session.rollback()


def _failed(message: Claimed, now: datetime, words: str, reason: str) -> Result:
    return Result(message, MessageState.FAILED, now, words=words, reason=reason)


def _own(connection: Connection, ids: Sequence[int]) -> dict[int, Own]:
    """What messages have of their own, of those that have anything."""
    dialect = connection.dialect.name
    listed = {"ids": bulk.listed(dialect, ids)}
    others = select(Message.id, Message.to_others).where(
        bulk.among(dialect, Message.id, "ids"), Message.to_others != ""
    )
    found = {
        row.id: Own(snapshot.split_addresses(row.to_others))
        for row in connection.execute(others, listed)
    }
    documents = (
        select(MessageFile.message_id, *StoredFile.__table__.c)
        .join(StoredFile, StoredFile.id == MessageFile.file_id)
        .where(bulk.among(dialect, MessageFile.message_id, "ids"))
        .order_by(MessageFile.id)
    )
    for number, *columns in connection.execute(documents, listed):
        kept = StoredFile(**dict(zip(StoredFile.__table__.c.keys(), columns, strict=True)))
        before = found.get(number, NOTHING)
        found[number] = Own(before.others, (*before.documents, kept))
    return found


def _attachments(own: Own) -> list[Attachment]:
    return [Attachment(each.name, each.content_type, files.read(each)) for each in own.documents]


def _stuff(data: bytes) -> bytes:
    """Dot-stuffing (RFC 5321, section 4.5.2)."""
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed
