"""The audit log: who did what to which record."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ctm.extensions import db
from ctm.models import AuditEntry, User


@dataclass(frozen=True)
class Actor:
    """Who acts now: set by the web layer per request and by the CLI per command."""

    user_id: int | None = None
    name: str = "system"
    ip: str = ""


_actor: ContextVar[Actor] = ContextVar("ctm_actor", default=Actor())  # noqa: B039


def act_as(user: User | None, ip: str = "", name: str = "system") -> None:
    """Say who acts from here on in this context."""
    _actor.set(Actor(user.id, user.name, ip) if user else Actor(None, name, ip))


def actor() -> Actor:
    return _actor.get()


def record(action: str, target: object | None = None, **detail: Any) -> None:
    """Add an entry to the current transaction. ``action`` is ``noun.verb``; ``detail`` is JSON."""
    who = _actor.get()
    identity = getattr(target, "id", None)
    db.session.add(
        AuditEntry(
            user_id=who.user_id,
            user_name=who.name,
            ip=who.ip,
            action=action,
            object_type=getattr(target, "__tablename__", ""),
            object_id=identity if isinstance(identity, int) else None,
            object_label=str(target)[:255] if target is not None else "",
            detail=detail,
        )
    )
