"""The options of a document template, checked: what ``DocumentTemplate.options`` holds."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ctm.documents.errors import DocumentError
from ctm.i18n import _, _l

PAGE_SIZES = {
    "a4": (210, 297),
    "a5": (148, 210),
    "a3": (297, 420),
    "letter": (216, 279),
    "legal": (216, 356),
}
ORIENTATIONS = {"portrait": _l("Portrait"), "landscape": _l("Landscape")}
FONTS = {"Helvetica": "Helvetica", "Times-Roman": "Times", "Courier": "Courier"}
LARGEST_MARGIN = 80
_GAP = 4

FORMATS = {
    "auto": _l("As the field says"),
    "text": _l("Text"),
    "date": _l("Date 31/12/2026"),
    "number": _l("Whole number 1.234"),
    "amount": _l("Amount 1.234,50"),
    "euro": _l("Amount 1.234,50 €"),
}
MOST_COLUMNS = 60
WIDEST = 100
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def _whole(given: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    """A whole number of a form, within bounds; raises ``DocumentError``."""
    raw = given.get(name, default)
    try:
        number = int(str(raw).strip() or default)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise DocumentError(
            _("Type a whole number from %(least)s to %(most)s.", least=least, most=most), name
        )
    return number


def _one_of(given: Mapping[str, Any], name: str, known: Mapping[str, Any], default: str) -> str:
    value = str(given.get(name) or default)
    if value not in known:
        raise DocumentError(_("Choose one of those in the list."), name)
    return value


@dataclass(frozen=True, slots=True)
class PdfOptions:
    """A PDF's page. Lengths in millimetres; ``header`` and ``footer`` are HTML."""

    page_size: str = "a4"
    orientation: str = "portrait"
    margin_top: int = 15
    margin_right: int = 18
    margin_bottom: int = 15
    margin_left: int = 18
    header: str = ""
    header_height: int = 20
    footer: str = ""
    footer_height: int = 10
    font: str = "Helvetica"
    font_size: int = 10

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "PdfOptions":
        """Read options as kept or typed; raises ``DocumentError``."""
        made = cls(
            page_size=_one_of(given, "page_size", PAGE_SIZES, "a4"),
            orientation=_one_of(given, "orientation", ORIENTATIONS, "portrait"),
            margin_top=_whole(given, "margin_top", 15, 0, LARGEST_MARGIN),
            margin_right=_whole(given, "margin_right", 18, 0, LARGEST_MARGIN),
            margin_bottom=_whole(given, "margin_bottom", 15, 0, LARGEST_MARGIN),
            margin_left=_whole(given, "margin_left", 18, 0, LARGEST_MARGIN),
            header=str(given.get("header") or ""),
            header_height=_whole(given, "header_height", 20, 5, 120),
            footer=str(given.get("footer") or ""),
            footer_height=_whole(given, "footer_height", 10, 5, 120),
            font=_one_of(given, "font", FONTS, "Helvetica"),
            font_size=_whole(given, "font_size", 10, 5, 40),
        )
        if made.content_box()[3] < 30 or made.content_box()[2] < 30:
            raise DocumentError(
                _("Margins, header and footer leave no room for the text on the page."),
                "margin_top",
            )
        return made

    def page(self) -> tuple[int, int]:
        """Width and height."""
        short, tall = PAGE_SIZES[self.page_size]
        return (tall, short) if self.orientation == "landscape" else (short, tall)

    def content_box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of the content's frame."""
        width, height = self.page()
        top = self.margin_top + (self.header_height + _GAP if self.header.strip() else 0)
        bottom = self.margin_bottom + (self.footer_height + _GAP if self.footer.strip() else 0)
        across = width - self.margin_left - self.margin_right
        return self.margin_left, top, across, height - top - bottom

    def css(self) -> str:
        """The style sheet that makes the page and its frames."""
        width, height = self.page()
        left, top, across, down = self.content_box()
        foot = height - self.margin_bottom - self.footer_height
        frames = (
            ("header", "-pdf-frame-content: ctm_header;", self.margin_top, self.header_height),
            ("content", "", top, down),
            ("footer", "-pdf-frame-content: ctm_footer;", foot, self.footer_height),
        )
        written = "".join(
            f"@frame {name}_frame {{ {source} left: {left}mm; top: {at}mm; "
            f"width: {across}mm; height: {tall}mm; }} "
            for name, source, at, tall in frames
            if name == "content" or getattr(self, name).strip()
        )
        return (
            f"@page {{ size: {width}mm {height}mm; {written}}} "
            f"body {{ font-family: {self.font}; font-size: {self.font_size}pt; }}"
        )

    def kept(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sheet. ``content`` is text with merge fields, ``width`` in characters."""

    title: str
    content: str
    format: str = "auto"
    width: int = 18
    total: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any], number: int) -> "Column":
        """Read a column; ``number`` counts from 1 and is named in what is raised."""
        try:
            content = str(given.get("content") or "").strip()
            if not content or len(content) > 2000:
                raise DocumentError(_("Choose the field it shows."))
            return cls(
                title=str(given.get("title") or "").strip()[:200],
                content=content,
                format=_one_of(given, "format", FORMATS, "auto"),
                width=_whole(given, "width", 18, 2, WIDEST),
                total=bool(given.get("total")),
            )
        except DocumentError as problem:
            raise DocumentError(
                _("Column %(number)s: %(message)s", number=number, message=problem.message),
                "columns",
            ) from None


@dataclass(frozen=True, slots=True)
class ExcelOptions:
    """An Excel sheet made from columns."""

    sheet: str = "Dati"
    columns: tuple[Column, ...] = field(default=())
    header_colour: str = "#1f4e79"
    header_text: str = "#ffffff"
    bold: bool = True
    freeze: bool = True
    autofilter: bool = True

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "ExcelOptions":
        columns = list(given.get("columns") or ())
        if not columns:
            raise DocumentError(_("Add at least one column."), "columns")
        if len(columns) > MOST_COLUMNS:
            raise DocumentError(_("%(most)s columns at most.", most=MOST_COLUMNS), "columns")
        sheet = re.sub(r"[\[\]:*?/\\\x00-\x1f']", " ", str(given.get("sheet") or "")).strip()
        for name in ("header_colour", "header_text"):
            if not _COLOUR.fullmatch(str(given.get(name) or "#ffffff")):
                raise DocumentError(_("A colour is written as #RRGGBB."), name)
        return cls(
            sheet=sheet[:31] or "Dati",
            columns=tuple(Column.of(each, n) for n, each in enumerate(columns, start=1)),
            header_colour=str(given.get("header_colour") or "#1f4e79"),
            header_text=str(given.get("header_text") or "#ffffff"),
            bold=bool(given.get("bold", True)),
            freeze=bool(given.get("freeze", True)),
            autofilter=bool(given.get("autofilter", True)),
        )

    def kept(self) -> dict[str, Any]:
        return asdict(self) | {"columns": [asdict(each) for each in self.columns]}
