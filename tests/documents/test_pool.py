"""The processes in which documents are made: order, limits, and what breaks."""

import os
import signal
from collections.abc import Iterator

import pytest
from flask import Flask

from ctm.documents import DocumentError, Job, Pool
from tests.documents.making import VALUES, snapshot

SHEET = {"columns": [{"content": "[clienti.nome]"}], "made_of": "columns"}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Starting a process takes a second: the tests that leave it whole share two."""
    with Pool(2) as made:
        yield made


@pytest.fixture(scope="module")
def alone() -> Iterator[Pool]:
    """One process, which tests break."""
    with Pool(1) as made:
        yield made


def _children(pool: Pool) -> list[int]:
    return [child.process.pid for child in pool._children]


def test_documents_come_back_in_order_and_failures_beside_them(app: Flask, pool: Pool) -> None:
    good = snapshot("excel", options=SHEET, filename="[clienti.nome]")
    wrong = snapshot("excel", options={"columns": [{"content": "[clienti.nomme]"}]})
    values = [VALUES | {"clienti.nome": f"c{number}"} for number in range(30)]
    jobs = [Job(n, wrong if n == 7 else good, each) for n, each in enumerate(values)]
    made = list(pool.map(jobs))
    assert [each.key for each in made] == list(range(30))
    assert made[7].document is None
    assert "clienti.nomme" in str(made[7].error)
    names = [each.document.filename for each in made if each.document]
    assert names == [f"c{number}.xlsx" for number in range(30) if number != 7]


def test_only_a_few_jobs_are_taken_ahead(app: Flask, pool: Pool) -> None:
    taken = 0

    def jobs() -> Iterator[Job]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield Job(number, snapshot("excel", options=SHEET), VALUES)

    next(pool.map(jobs()))
    assert taken <= 8


def test_a_stopped_run_begins_nothing_more(app: Flask, pool: Pool) -> None:
    jobs = (Job(number, snapshot("excel", options=SHEET), VALUES) for number in range(50))
    seen: list[object] = []
    for made in pool.map(jobs, stop=lambda: len(seen) >= 2):
        seen.append(made.key)
    assert 2 <= len(seen) <= 10


def test_a_process_that_dies_costs_only_its_job_and_is_replaced(app: Flask, alone: Pool) -> None:
    template = snapshot("excel", options=SHEET)
    alone.make(template, VALUES)
    (before,) = _children(alone)
    os.kill(before, signal.SIGKILL)
    with pytest.raises(DocumentError):
        alone.make(template, VALUES)
    assert alone.make(template, VALUES).data
    assert _children(alone) != [before]


def test_a_document_that_takes_too_long_is_given_up(
    app: Flask, alone: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = snapshot("excel", options=SHEET)
    slow = snapshot("excel", options={"columns": [{"content": "[titoli.numero]"}] * 60})
    rows = [{"titoli.numero": "x" * 50}] * 30_000
    alone.make(quick, VALUES)
    (before,) = _children(alone)
    monkeypatch.setattr(alone, "seconds", 1.0)
    with pytest.raises(DocumentError, match="longer than 1 seconds"):
        alone.make(slow, {"titoli": rows})
    assert _children(alone) != [before]


def test_a_closed_pool_leaves_no_process(app: Flask) -> None:
    with Pool(1) as pool:
        pool.make(snapshot("excel", options=SHEET), VALUES)
        processes = [child.process for child in pool._children]
    assert processes
    assert all(each.poll() is not None for each in processes)
