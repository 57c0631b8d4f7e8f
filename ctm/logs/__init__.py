"""Logs: one line for people on the terminal, one JSON object per line in ``instance/logs``.

What a line belongs to (a request, a job, a task, a worker) is bound once with :func:`bind`
and stands in every line written below it, whoever writes it.
"""

import logging
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from pathlib import Path
from typing import Any

from ctm.logs.files import SlotFileHandler
from ctm.logs.formats import HumanFormatter, JsonFormatter, hide

__all__ = [
    "always",
    "bind",
    "bound",
    "configure",
    "enter",
    "hide",
    "leave",
    "new_id",
    "restart",
    "well_formed",
]

SECRET_SETTINGS = ("CTM_METRICS_TOKEN", "CTM_BACKUP_PASSPHRASE")
LOUD = ("apscheduler", "mail.log", "mail.debug", "alembic", "waitress.queue")
WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")

Bound = Mapping[str, Any]
_always: dict[str, Any] = {}
_bound: ContextVar[Bound] = ContextVar("ctm_log", default={})  # noqa: B039 - never changed in place


def new_id() -> str:
    """A new code for a request or a run of a job: short enough to be read out on the phone."""
    return secrets.token_hex(6)


def well_formed(code: str | None) -> bool:
    """Whether a request id that came from outside can be taken over."""
    return code is not None and WELL_FORMED.fullmatch(code) is not None


def bound() -> Bound:
    """What lines written here belong to."""
    return {**_always, **_bound.get()}


def always(**values: Any) -> None:
    """Every line of this process belongs to ``values``, whatever thread writes it."""
    _always.update(values)


def enter(**values: Any) -> Token[Bound]:
    """From here on lines belong to ``values``; :func:`leave` ends it."""
    return _bound.set({**_bound.get(), **values})


def restart(**values: Any) -> None:
    """From here on lines belong to ``values`` alone."""
    _bound.set(values)


def leave(token: Token[Bound]) -> None:
    _bound.reset(token)


@contextmanager
def bind(**values: Any) -> Iterator[None]:
    """Lines written inside belong to ``values`` as well."""
    token = enter(**values)
    try:
        yield
    finally:
        leave(token)


class _Context(logging.Filter):
    """Gives a record what is bound where it was made."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "ctm"):
            record.ctm = bound()
        return True


def configure(role: str, settings: Mapping[str, Any], instance: Path | None = None) -> None:
    """Log this process, called ``role`` (web, worker, …), to the terminal and to its own file.

    Replaces what was configured before. The terminal stays if the folder cannot be written.
    """
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(HumanFormatter())
    handlers: list[logging.Handler] = [terminal]
    if instance is not None:
        file = SlotFileHandler(
            instance / "logs",
            role,
            settings["CTM_LOG_MB"] * 1024 * 1024,
            settings["CTM_LOG_FILES"],
        )
        file.setFormatter(JsonFormatter(role))
        handlers.append(file)
    root = logging.getLogger()
    for old in root.handlers[:]:
        if getattr(old, "ctm_owned", False):
            root.removeHandler(old)
            old.close()
    for handler in handlers:
        handler.ctm_owned = True  # type: ignore[attr-defined]
        handler.addFilter(_Context())
        root.addHandler(handler)
    level = settings["CTM_LOG_LEVEL"]
    root.setLevel(level)
    for name in SECRET_SETTINGS:
        hide(str(settings.get(name, "")))
    for name in LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
