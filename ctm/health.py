"""Whether this installation works: what a load balancer or a watchdog asks every few seconds."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from ctm import __version__, leases, machinery, schema, trouble
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.models import Worker


@dataclass
class Health:
    """``parts``: each part with whether it works; ``details`` are for administrators."""

    parts: dict[str, bool] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return all(self.parts.values())

    def to_dict(self) -> dict[str, Any]:
        return {"ok": self.ok, "version": __version__, "parts": self.parts, **self.details}


def check() -> Health:
    """Ask the database for the few rows that say it; never raises for a database that is away."""
    health = Health(dict.fromkeys(("database", "migrations", "worker", "scheduler"), False))
    try:
        health.parts["migrations"] = schema.is_current(db.session.connection())
        health.parts["database"] = True
        if health.parts["migrations"]:
            _heartbeats(health)
    except SQLAlchemyError as error:
        found = trouble.of(error)
        health.details["trouble"] = found.kind if found else type(error).__name__
    finally:
        _leave()
    return health


def _heartbeats(health: Health) -> None:
    seen = db.session.scalar(select(func.max(Worker.seen_at)))
    age = None if seen is None else (utcnow() - seen).total_seconds()
    limit = machinery.WORKER_SILENT.total_seconds()
    health.parts["worker"] = age is not None and age < limit
    health.details["worker_seen_seconds_ago"] = None if age is None else round(age, 1)
    holder = leases.holder("scheduler")
    health.parts["scheduler"] = holder is not None
    health.details["scheduler"] = holder


def _leave() -> None:
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session.remove()
