"""One process at a time holds a lease."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import update

from ctm import leases
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.models import Lease


def run_out(name: str) -> None:
    db.session.execute(
        update(Lease).where(Lease.name == name).values(expires_at=utcnow() - timedelta(seconds=1))
    )
    db.session.commit()


def test_the_first_to_ask_holds_it_and_others_are_refused(app: Flask) -> None:
    assert leases.acquire("scheduler", "one", 30)
    assert not leases.acquire("scheduler", "two", 30)
    assert leases.holder("scheduler") == "one"


def test_the_holder_renews_it(app: Flask) -> None:
    leases.acquire("scheduler", "one", 5)
    before = db.session.get(Lease, "scheduler").expires_at
    assert leases.acquire("scheduler", "one", 50)
    db.session.expire_all()
    assert db.session.get(Lease, "scheduler").expires_at > before + timedelta(seconds=30)


def test_another_takes_over_when_it_has_run_out(app: Flask) -> None:
    leases.acquire("scheduler", "one", 30)
    run_out("scheduler")
    assert leases.holder("scheduler") is None
    assert leases.acquire("scheduler", "two", 30)
    assert not leases.acquire("scheduler", "one", 30)


def test_releasing_lets_the_next_one_in_at_once(app: Flask) -> None:
    leases.acquire("scheduler", "one", 30)
    leases.release("scheduler", "one")
    assert leases.acquire("scheduler", "two", 30)


def test_only_its_holder_releases_it(app: Flask) -> None:
    leases.acquire("scheduler", "one", 30)
    leases.release("scheduler", "two")
    assert leases.holder("scheduler") == "one"


def test_leases_of_different_names_do_not_meet(app: Flask) -> None:
    assert leases.acquire("scheduler", "one", 30)
    assert leases.acquire("cleaning", "two", 30)


def test_old_leases_are_forgotten_and_fresh_ones_kept(app: Flask) -> None:
    leases.acquire("old", "one", 30)
    leases.acquire("fresh", "one", 30)
    run_out("old")
    assert leases.delete_expired(timedelta(0)) == 1
    assert leases.holder("fresh") == "one"


def test_two_holders_of_one_process_have_different_names() -> None:
    assert leases.this_process() != leases.this_process()
