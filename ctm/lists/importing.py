"""Rows from a file: a dry run that changes nothing, and the import itself.

Rows are recognised by a key; one whose record exists updates it, an empty cell leaves the field
as it is. A row that cannot be taken is reported with its reason; the others go in. Importing the
same file again changes nothing.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, BinaryIO

from sqlalchemy.exc import IntegrityError

from ctm import audit, files
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import _
from ctm.lists.mapping import Columns
from ctm.lists.mapping import Mapping as FieldMapping
from ctm.lists.values import InvalidFields
from ctm.models import StoredFile, User
from ctm.tabular import Row, Table, open_table

CHUNK = 200


class Verdict(StrEnum):
    """What a row does, or did."""

    CREATE = "create"
    UPDATE = "update"
    SAME = "same"
    BAD = "bad"


@dataclass
class RowResult:
    """One row of the report. ``reasons`` say what is wrong, ``notes`` what is worth a look."""

    line: int
    cells: list[str]
    verdict: Verdict = Verdict.BAD
    label: str = ""
    reasons: list[str] = field(default_factory=list)


@dataclass
class Report:
    """How many rows do what."""

    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def to_dict(self) -> dict[str, int]:
        return {str(verdict): self.counts[verdict] for verdict in Verdict}


OnRow = Callable[[RowResult], None]
AfterChunk = Callable[[int], None]


def nothing(_given: object) -> None:
    return None


class Importer(ABC):
    """Reads rows with a mapping (column from 0 → field) and a key, and says what each does."""

    audited: str
    mapping: FieldMapping

    def __init__(self, columns: Mapping[Any, str], key: str, width: int) -> None:
        self._columns: Columns = self.mapping.check(columns, key, width)
        self.key = key
        self._width = width

    def take(self, rows: list[Row], seen: set[int]) -> list[RowResult]:
        """Bring a chunk of rows into the session, without committing."""
        results, read = [], []
        for line, cells in rows:
            result = RowResult(line, cells, label=self._called(cells))
            results.append(result)
            try:
                read.append((result, self._clean(self._given(cells))))
            except InvalidFields as error:
                result.reasons = self.reasons(error)
            except InvalidInput as error:
                result.reasons = [error.message]
        self._look_up([values for _result, values in read])
        for result, values in read:
            self._apply(result, values, seen)
        return results

    def _given(self, cells: list[str]) -> dict[str, str]:
        """The row's cells by field; empty ones stay out."""
        if len(cells) > self._width:
            raise InvalidInput(
                _("The row has more cells than the file has columns; look for a stray separator.")
            )
        return {name: cells[column] for column, name in self._columns.items() if cells[column]}

    def reasons(self, error: InvalidFields) -> list[str]:
        """What is wrong with a row, field by field."""
        return [f"{self.mapping.label(name)}: {reason}" for name, reason in error.errors.items()]

    @abstractmethod
    def _called(self, cells: list[str]) -> str:
        """What to call a row before it is a record."""

    @abstractmethod
    def _clean(self, given: dict[str, str]) -> dict[str, Any]:
        """The row's values, as they are kept.

        :raises InvalidInput: one of them cannot be accepted.
        """

    @abstractmethod
    def _look_up(self, rows: list[dict[str, Any]]) -> None:
        """Find what is kept already for these rows, in a few queries."""

    @abstractmethod
    def _apply(self, result: RowResult, values: dict[str, Any], seen: set[int]) -> None:
        """Create or change the row's record; ``seen`` remembers keys a dry run has made."""

    def complete(self) -> None:  # noqa: B027 - most have nothing to complete
        """Write what needs the ids of the chunk's records, before it is committed."""

    @staticmethod
    def _undo(record: Any, is_new: bool) -> None:
        if is_new:
            with db.session.no_autoflush:
                if record in db.session:
                    db.session.expunge(record)
        else:
            db.session.refresh(record)


def plan(
    importer: Importer,
    table: Table,
    on_row: OnRow = nothing,
    after_chunk: AfterChunk = nothing,
) -> Report:
    """Say what an import would do, row by row, and change nothing.

    :raises InvalidInput: the file as a whole cannot be used.
    """
    report, seen = Report(), set[int]()
    for rows in _chunks(table.rows()):
        with db.session.no_autoflush:
            results = importer.take(rows, seen)
        db.session.rollback()
        _tell(results, report, on_row)
        after_chunk(len(rows))
    return report


def run(
    importer: Importer,
    table: Table,
    on_row: OnRow = nothing,
    after_chunk: AfterChunk = nothing,
) -> Report:
    """Import the file, a chunk of rows to a transaction. ``after_chunk`` may raise to stop.

    :raises InvalidInput: the file as a whole cannot be used.
    """
    report = Report()
    for rows in _chunks(table.rows()):
        results = _take_chunk(importer, rows)
        _tell(results, report, on_row)
        after_chunk(len(rows))
    audit.record(importer.audited, key=importer.key, **report.to_dict())
    db.session.commit()
    return report


def _take_chunk(importer: Importer, rows: list[Row]) -> list[RowResult]:
    """Commit a chunk; if the database refuses it, row by row, so that one row stops no other."""
    try:
        results = importer.take(rows, set())
        db.session.flush()
        importer.complete()
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return [_take_row(importer, row) for row in rows]
    return results


def _take_row(importer: Importer, row: Row) -> RowResult:
    try:
        result = importer.take([row], set())[0]
        db.session.flush()
        importer.complete()
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return RowResult(*row, reasons=[_("Another record already has one of these values.")])
    return result


def _tell(results: list[RowResult], report: Report, on_row: OnRow) -> None:
    for result in results:
        report.counts[result.verdict] += 1
        on_row(result)


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def count_rows(table: Table) -> int:
    """How many rows the file holds; reads it through, so a broken file is refused here.

    :raises InvalidInput: the file breaks off or is damaged.
    """
    return sum(1 for _row in table.rows())


def receive(stream: BinaryIO, name: str, owner: User | None) -> StoredFile:
    """Keep a file that somebody brought, if it is a table that can be read; commits.

    :raises InvalidInput: it is too large or no table.
    :raises Unavailable: the disk refuses it.
    """
    file = files.store(stream, name, "application/octet-stream", owner)
    try:
        open_table(files.path_of(file), file.name)
    except InvalidInput:
        db.session.rollback()
        raise
    db.session.commit()
    return file
