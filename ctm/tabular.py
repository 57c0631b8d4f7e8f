"""Tables from CSV and XLSX files as Italian Excel writes them, read row by row.

CSV: any of ``; , tab |``, UTF-8 with or without BOM, UTF-16, Windows-1252, quoted line ends,
``sep=;`` on top. XLSX: the first sheet that holds anything; values, not formulas. Memory stays
flat whatever the file's length.
"""

import codecs
import csv
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from ctm.errors import InvalidInput
from ctm.i18n import _l

DELIMITERS = ";,\t|"
SAMPLE = 64 * 1024
MAX_COLUMNS = 200
MAX_CELL = 100_000
MAX_UNPACKED = 600 * 1024 * 1024
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP = b"PK\x03\x04"

Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Table:
    """A table found in a file: its headers, and how to read it again from the start."""

    path: Path
    headers: list[str]
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""

    def rows(self) -> Iterator[Row]:
        """Each row that holds anything, with its line in the file, as long as the headers.

        :raises InvalidInput: the file breaks off or is damaged.
        """
        width = len(self.headers)
        source = _sheet_rows(self.path, self.sheet) if self.sheet else self._csv_rows()
        header_seen = False
        for line, cells in source:
            if not any(cells):
                continue
            if not header_seen:
                header_seen = True
                continue
            extra = [cell for cell in cells[width:] if cell]
            yield line, (cells + [""] * width)[:width] + extra[:1]

    def _csv_rows(self) -> Iterator[Row]:
        return _csv_rows(self.path, self.encoding, self.delimiter)


def open_table(path: Path, name: str) -> Table:
    """Find out how a file is written. ``name`` is what its owner calls it.

    :raises InvalidInput: it is no table that can be read; the message says what to do.
    """
    with path.open("rb") as stream:
        start = stream.read(SAMPLE)
    if start.startswith(_OLE):
        raise InvalidInput(
            _l("“%(name)s” is an old or protected Excel file; save it as .xlsx or CSV.", name=name),
            "file",
        )
    if start.startswith(_ZIP):
        return _open_sheet(path, name)
    if not start.strip():
        raise InvalidInput(_l("“%(name)s” is empty.", name=name), "file")
    encoding = _encoding(path, start, name)
    delimiter = _delimiter(path, encoding)
    headers = _headers(_csv_rows(path, encoding, delimiter), name)
    return Table(path, headers, encoding=encoding, delimiter=delimiter)


def _headers(rows: Iterator[Row], name: str) -> list[str]:
    first = next((cells for _line, cells in rows if any(cells)), None)
    if first is None:
        raise InvalidInput(_l("“%(name)s” is empty.", name=name), "file")
    while first and not first[-1]:
        first = first[:-1]
    if len(first) > MAX_COLUMNS:
        raise InvalidInput(
            _l("“%(name)s” has more than %(max)s columns.", name=name, max=MAX_COLUMNS), "file"
        )
    return [cell[:120] for cell in first]


def _encoding(path: Path, start: bytes, name: str) -> str:
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = start[0:2000:2].count(0), start[1:2000:2].count(0)
    if even + odd:
        if max(even, odd) > 4 * min(even, odd) + 8:
            return "utf-16-le" if odd > even else "utf-16-be"
        raise InvalidInput(
            _l("“%(name)s” is neither CSV nor XLSX; save the sheet in one of them.", name=name),
            "file",
        )
    for encoding in ("utf-8", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    raise InvalidInput(
        _l("The letters of “%(name)s” cannot be read; save it as “CSV UTF-8”.", name=name), "file"
    )


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as stream:
        try:
            while block := stream.read(SAMPLE):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _delimiter(path: Path, encoding: str) -> str:
    """The delimiter that cuts the first line, outside quotes, into most pieces."""
    with path.open(encoding=encoding, newline="") as stream:
        try:
            first = stream.readline(SAMPLE)
            if first.lower().startswith("sep=") and len(first.strip()) == 5:
                return first[4]
            while first and not first.strip():
                first = stream.readline(SAMPLE)
        except UnicodeError:
            first = ""
    outside = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=outside.count) if outside else ";"


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                if reader.line_num == 1 and _is_sep_line(cells, delimiter):
                    continue
                yield reader.line_num, [_cell(cell) for cell in cells[: MAX_COLUMNS + 1]]
        except csv.Error:
            raise InvalidInput(
                _l(
                    "Line %(line)s cannot be read: a quotation mark is not closed, or stands "
                    "inside a cell. Mend it and bring the file again.",
                    line=reader.line_num,
                ),
                "file",
            ) from None
        except UnicodeError:
            raise InvalidInput(_l("The file breaks off: part of it is missing."), "file") from None


def _is_sep_line(cells: list[str], delimiter: str) -> bool:
    return delimiter.join(cells).strip().lower() in {f"sep={delimiter}".strip(), "sep="}


def _cell(text: str) -> str:
    """A cell's text; the apostrophe that neutralised a formula in an export goes away."""
    text = text.strip().replace("\x00", "")[:MAX_CELL]
    if len(text) > 1 and text[0] == "'" and text[1] in "=+-@":
        return text[1:]
    return text


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            yield book
        finally:
            book.close()


def _open_sheet(path: Path, name: str) -> Table:
    unreadable = InvalidInput(
        _l("“%(name)s” is not a workbook that can be read; save it again as .xlsx.", name=name),
        "file",
    )
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
                raise InvalidInput(
                    _l("“%(name)s” is too large once unpacked; split it.", name=name), "file"
                )
        with _workbook(path) as book:
            titles = [sheet.title for sheet in book.worksheets]
        for title in titles:
            rows = _sheet_rows(path, title)
            if any(any(cells) for _line, cells in rows):
                return Table(path, _headers(_sheet_rows(path, title), name), sheet=title)
    except InvalidInput:
        raise
    except Exception as error:
        raise unreadable from error
    raise InvalidInput(_l("“%(name)s” is empty.", name=name), "file")


def _sheet_rows(path: Path, title: str) -> Iterator[Row]:
    with _workbook(path) as book:
        sheet = book[title]
        sheet.reset_dimensions()
        rows = sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS + 1)
        for line, values in enumerate(rows, start=1):
            yield line, [_sheet_cell(value) for value in values]


def _sheet_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        moment = value.strftime("%Y-%m-%d %H:%M:%S") if value.time() != time() else ""
        return moment or value.strftime("%Y-%m-%d")
    if isinstance(value, date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value).replace(".", ",")
    return _cell(str(value))
