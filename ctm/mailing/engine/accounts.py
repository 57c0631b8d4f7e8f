"""What the engine reads of accounts and tells about them and about itself."""

import os
import socket
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import Engine, delete, update

from ctm import sql
from ctm.accounts.addresses import resolve_public
from ctm.accounts.operations import endpoint
from ctm.clock import utcnow
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.mailing import pace, recovery
from ctm.mailing.engine.lane import AccountData
from ctm.mailing.engine.session import Login
from ctm.models import AuditEntry, Security, SmtpAccount, Worker


class AccountBook(Protocol):
    """What the worker needs to know and to say of accounts."""

    def read(self, account_id: int) -> AccountData | None: ...

    def resolve(self, account: AccountData) -> list[tuple[Any, ...]]: ...

    def stop(self, account_id: int, words: str) -> None: ...

    def waits(self, account_id: int, words: str, seconds: float) -> None: ...

    def sign_in(self, worker: str) -> None: ...

    def beat(self, worker: str) -> bool: ...

    def sign_out(self, worker: str) -> None: ...


class DatabaseBook:
    """The accounts and workers of the database."""

    def __init__(self, engine: Engine, allow_private: bool) -> None:
        self._engine = engine
        self._allow_private = allow_private

    def read(self, account_id: int) -> AccountData | None:
        """An account as the engine uses it; None, and stopped, if its password cannot be read."""
        account = db.session.get(SmtpAccount, account_id, populate_existing=True)
        if account is None:
            return None
        try:
            point = endpoint(account)
        except CtmError as error:
            db.session.rollback()
            self.stop(account_id, str(error))
            return None
        data = AccountData(
            id=account.id,
            name=account.name,
            host=point.host,
            port=point.port,
            tls=point.security == Security.TLS,
            login=Login(
                hello=_own_name(),
                starttls=point.security == Security.STARTTLS,
                username=point.username,
                password=point.password,
            ),
            connections=max(1, account.connections),
            limits=pace.read_limits(account.limits or []),
            allow_private=account.practice or self._allow_private,
        )
        db.session.rollback()
        return data

    def resolve(self, account: AccountData) -> list[tuple[Any, ...]]:
        """The addresses of an account's server; runs beside the loop."""
        return list(resolve_public(account.host, account.port, account.allow_private))

    def stop(self, account_id: int, words: str) -> None:
        """Stop the account, not its messages: they wait until somebody mends it."""
        now = utcnow()
        with self._engine.begin() as connection:
            connection.execute(
                update(SmtpAccount)
                .where(SmtpAccount.id == account_id, SmtpAccount.stopped_at.is_(None))
                .values(stopped_at=now, stopped_reason=words, last_error=words, last_error_at=now)
            )
            connection.execute(
                sql.insert(connection, AuditEntry.__table__).values(  # type: ignore[arg-type]
                    at=now,
                    user_name="system",
                    action="account.stop",
                    object_type="smtp_accounts",
                    object_id=account_id,
                    object_label="",
                    detail={"words": words},
                    ip="",
                )
            )

    def waits(self, account_id: int, words: str, seconds: float) -> None:
        """Note why an account waits and until when."""
        now = utcnow()
        with self._engine.begin() as connection:
            connection.execute(
                update(SmtpAccount)
                .where(SmtpAccount.id == account_id)
                .values(
                    retry_at=now + timedelta(seconds=seconds),
                    last_error=words,
                    last_error_at=now,
                )
            )

    def sign_in(self, worker: str) -> None:
        """Register a worker, or again one that was held for lost."""
        with self._engine.begin() as connection:
            now = sql.utc_now(connection)
            row = {"name": worker, "host": socket.gethostname(), "pid": os.getpid()}
            statement = sql.insert(connection, Worker.__table__).values(  # type: ignore[arg-type]
                **row, started_at=now, seen_at=now
            )
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"seen_at": now})
            )

    def beat(self, worker: str) -> bool:
        """Give a sign of life; false if others hold this worker for lost."""
        with self._engine.begin() as connection:
            statement = (
                update(Worker)
                .where(Worker.name == worker, Worker.seen_at > recovery.CONDEMNED)
                .values(seen_at=sql.utc_now(connection))
            )
            return connection.execute(statement).rowcount == 1

    def sign_out(self, worker: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(Worker).where(Worker.name == worker))


def _own_name() -> str:
    """The name for EHLO: this machine's, or an address literal (RFC 5321, section 4.1.3)."""
    name = socket.getfqdn()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
