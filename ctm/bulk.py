"""Statements for many rows at once, with little work per row."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import ARRAY, BigInteger, Connection, Dialect, String, any_, bindparam, func, select
from sqlalchemy.sql.elements import ClauseElement, ColumnElement


def among(dialect: str, column: Any, name: str, texts: bool = False) -> ColumnElement[bool]:
    """``column`` is one of a list that is bound as one parameter, :func:`listed`.

    However long the list, the statement stays the same and is compiled once.
    """
    if dialect == "postgresql":
        kind: Any = String if texts else BigInteger
        return column == any_(bindparam(name, type_=ARRAY(kind)))  # type: ignore[no-any-return]
    each = func.json_each(bindparam(name)).table_valued("value")
    return column.in_(select(each.c.value))  # type: ignore[no-any-return]


def listed(dialect: str, values: Iterable[Any]) -> Any:
    """The parameter that :func:`among` compares with."""
    found = list(values)
    return found if dialect == "postgresql" else orjson.dumps(found).decode()


class Batch:
    """One statement for many rows, compiled once and handed to the driver as it is.

    Rows hold values as the driver takes them: times through :meth:`time`, JSON through
    :meth:`json` (amounts as text). For the few statements that are executed for every mail.
    """

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        order: Sequence[str] | None = getattr(compiled, "positiontup", None)
        self._in_order = itemgetter(*order) if order else None
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._sqlite = dialect.name == "sqlite"
        self._written: tuple[datetime | None, str] = (None, "")

    def time(self, value: datetime | None) -> Any:
        """Rows that follow each other often hold the same moment: it is written once."""
        if value is None or not self._sqlite:
            return value
        written = self._written
        if written[0] is not value:
            written = self._written = (value, value.isoformat(" ", "microseconds"))
        return written[1]

    def json(self, value: Any) -> str | None:
        return None if value is None else orjson.dumps(value, default=str).decode()

    def execute(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
        """Returns how many rows matched. The statement's own values are put into the rows."""
        for row in rows:
            row.update(self._fixed)
        values = rows if self._in_order is None else list(map(self._in_order, rows))
        return connection.exec_driver_sql(self._text, values).rowcount
