"""Where the links of mails lead, from memory: for answers that must not wait for the database.

Kept are blocks of consecutive mails with their mailings, and the URLs of mailings; both bounded.
Mails are queued one mailing after the other, so most blocks are one mailing's: one number then.
A mailing keeps its links for ever, but a campaign can be deleted and its numbers given out again:
:meth:`Places.check` forgets everything then, and long after the last check nothing is known.
"""

import time
from array import array
from collections import OrderedDict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from ctm.models import Mailing, Message, TrackedLink

BLOCK = 4096
MOST_BLOCKS = 512
MOST_MAILINGS = 256
MOST_LINKS = 2000
CHECK_EVERY = 1.0
TRUSTED_FOR = 15.0


class Places:
    """Safe for several threads: each step replaces whole values."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[int, array[int] | int] = OrderedDict()
        self._urls: OrderedDict[int, dict[int, str]] = OrderedDict()
        self._made: dict[int, datetime] = {}
        self._checked_at = float("-inf")
        self._sent_at = float("-inf")

    def url(self, message_id: int, position: int) -> str | None:
        """Where a mail's link leads; ``None`` if it is not known here for sure.

        About once a second one asks in vain: who then asks the database checks for all.
        """
        now = time.monotonic()
        age = now - self._checked_at
        if age > TRUSTED_FOR or (age > CHECK_EVERY and now - self._sent_at > CHECK_EVERY):
            self._sent_at = now
            return None
        block = self._blocks.get(message_id // BLOCK)
        if block is None:
            return None
        urls = self._urls.get(_mailing(block, message_id))
        return urls.get(position) if urls is not None else None

    def learn(self, connection: Connection, message_id: int) -> None:
        """Read what is needed for this mail and its neighbours."""
        self.check(connection)
        number = message_id // BLOCK
        if number in self._blocks and _mailing(self._blocks[number], message_id):
            return
        block = _read_block(connection, number)
        mailing_id = _mailing(block, message_id)
        if not mailing_id or not self._learn_mailing(connection, mailing_id):
            return
        self._blocks[number] = block
        _bound(self._blocks, MOST_BLOCKS)

    def _learn_mailing(self, connection: Connection, mailing_id: int) -> bool:
        if mailing_id in self._urls:
            return True
        made = connection.execute(
            select(Mailing.created_at).where(Mailing.id == mailing_id)
        ).scalar_one_or_none()
        query = (
            select(TrackedLink.position, TrackedLink.url)
            .where(TrackedLink.mailing_id == mailing_id)
            .limit(MOST_LINKS)
        )
        urls = {row[0]: row[1] for row in connection.execute(query)}
        if made is None:
            return False
        self._made[mailing_id] = made
        self._urls[mailing_id] = urls
        _bound(self._urls, MOST_MAILINGS)
        return True

    def check(self, connection: Connection) -> None:
        """Forget everything if a mailing known here is gone, or is another one by now."""
        now = time.monotonic()
        known = {number: self._made[number] for number in list(self._urls)}
        query = select(Mailing.id, Mailing.created_at).where(Mailing.id.in_(known))
        if known and {row[0]: row[1] for row in connection.execute(query)} != known:
            self._blocks, self._urls, self._made = OrderedDict(), OrderedDict(), {}
        self._checked_at = now


def _mailing(block: "array[int] | int", message_id: int) -> int:
    return block if isinstance(block, int) else block[message_id % BLOCK]


def _read_block(connection: Connection, number: int) -> "array[int] | int":
    """The mailings of a block's mails; one number if it is full and all are one mailing's."""
    inside = (Message.id >= number * BLOCK, Message.id < (number + 1) * BLOCK)
    sums = select(func.count(), func.min(Message.mailing_id), func.max(Message.mailing_id))
    count, first, last = connection.execute(sums.where(*inside)).one()
    if count == BLOCK and first == last:
        return int(first)
    block = array("q", bytes(8 * BLOCK))
    for message_id, mailing_id in connection.execute(
        select(Message.id, Message.mailing_id).where(*inside)
    ):
        block[message_id % BLOCK] = mailing_id
    return block


def _bound(kept: OrderedDict[int, Any], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
