"""10,000 instalments grouped into 3,000 mails with a table each."""

import tracemalloc
from collections.abc import Sequence

import pytest
from flask import Flask

from benchmarks import merge
from ctm.extensions import db
from ctm.mailing import snapshot
from ctm.mailing.merge import rows
from ctm.models import Instalment, Message


def peak_of_reading(ids: Sequence[int]) -> int:
    """The most memory that reading these rows one after the other takes, in bytes."""
    keys = ["clienti.nome", "titoli.numero", "titoli.importo", "titoli.totale"]
    tracemalloc.start()
    for _row_id, values in rows.stream(db.session, merge.MODULE, ids, keys, "it"):
        assert values["titoli.totale"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.slow
def test_they_are_queued_quickly_and_read_in_little_memory(app: Flask) -> None:
    merge.add_instalments(10_000)
    seconds, mailing = merge.queue()
    assert seconds < 30
    queued = db.select(Message.row_id, Message.merge_values).where(Message.mailing_id == mailing.id)
    found = db.session.execute(queued).all()
    assert len(found) == 3_000
    assert sum(len((values or {})["titoli"]) for _row, values in found) == 10_000
    assert "titoli" in snapshot.compile_mailing(mailing).fields
    ids = list(db.session.scalars(db.select(Instalment.id).order_by(Instalment.client_id)))
    del found
    some = peak_of_reading(ids[:2_500])
    assert peak_of_reading(ids) < 2 * some
