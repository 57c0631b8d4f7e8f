"""The legend beside the editors: what can be pasted into a text of a module, and what it shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask_babel import get_locale

from ctm.i18n import DEFAULT_LANGUAGE, _
from ctm.mailing.merge.catalogue import MergeField, Module
from ctm.mailing.merge.formats import amount_formatter, date_formatter
from ctm.mailing.merge.modules import catalogue_of, module_named


@dataclass(frozen=True, slots=True)
class Entry:
    """``text`` is what is copied; ``sample`` what it may show; ``type`` that of the field
    (``text``, ``date``, ``amount``, ``number``, ``html``), or ``code`` for a format or a block."""

    text: str
    label: str
    sample: str
    type: str


@dataclass(frozen=True, slots=True)
class LegendGroup:
    """Entries under a heading; ``hint`` says how they are used, if that needs saying."""

    label: str
    entries: tuple[Entry, ...]
    hint: str = ""


_DATES = ("dd/mm/YYYY", "mm-dd-YYYY", "d mmmm YYYY", "dddd d mmmm", "ddd dd mmm yy", "hh:nn")
_AMOUNTS = ("0.000,00 €", "€ 0000.00", "€ 0,00", "0")


def legend(module: str, sql_fields: Iterable[tuple[str, str, bool]] = ()) -> list[LegendGroup]:
    """All that a template of a module may use, in the language of the moment.

    ``sql_fields``: name, label and whether it holds HTML, of each ``{{name}}`` field.
    """
    catalogue = catalogue_of(module)
    found = [
        LegendGroup(str(each.label), _fields(each))
        for each in _in_order(module, list(catalogue.modules.values()))
    ]
    for name, owners in catalogue.lists.items():
        hint = _("Different in every row: they stand in a block, which is repeated.")
        found += [
            LegendGroup(_("%(name)s, in each row", name=each.label), _fields(each), hint)
            for each in owners
        ]
        found.append(LegendGroup(_("Rows"), _blocks(name, owners[0])))
    extra = tuple(
        Entry(f"{{{{{name}}}}}", label or name, "", "html" if is_html else "text")
        for name, label, is_html in sql_fields
    )
    if extra:
        found.append(LegendGroup(_("SQL fields"), extra))
    return [*found, *_formats()]


def _in_order(name: str, modules: list[Module]) -> list[Module]:
    """The module's own fields first, then those that it reaches."""
    order = [each.fields.name for each in module_named(name).sources]
    return sorted(modules, key=lambda each: order.index(each.name))


def _language() -> str:
    locale = get_locale()
    return str(locale) if locale else DEFAULT_LANGUAGE


def _fields(module: Module) -> tuple[Entry, ...]:
    return tuple(
        Entry(f"[{module.name}.{each.name}]", str(each.label), _sample_of(each), each.type)
        for each in module.fields.values()
    )


def _sample_of(field: MergeField) -> str:
    """A field's sample as a mail would show it."""
    if field.sample is None or field.sample == "":
        return ""
    return field.formatter(None, _language())(field.sample)


def _blocks(name: str, rows: Module) -> tuple[Entry, ...]:
    field = next(iter(rows.fields))
    words = {
        f"[{name}.{field};block=tr]": _("In a cell of a table: repeats its row"),
        f"[{name};block=begin]": _("Before what is repeated, in a line of its own"),
        f"[{name};block=end]": _("After what is repeated, in a line of its own"),
    }
    return tuple(Entry(text, label, "", "code") for text, label in words.items())


def _formats() -> list[LegendGroup]:
    day, money, language = date(2020, 1, 20), Decimal(1500), _language()
    dates = [
        Entry(f";frm='{picture}'", _("Date"), date_formatter(picture, language)(day), "code")
        for picture in _DATES
    ]
    amounts = [
        Entry(f";frm='{picture}'", _("Amount"), amount_formatter(picture)(money), "code")
        for picture in _AMOUNTS
    ]
    empty = Entry(";ifempty='-'", _("What to write where the field is empty"), "-", "code")
    return [
        LegendGroup(
            _("Formats of dates"),
            tuple(dates),
            _(
                "Before the closing bracket. d dd day, ddd dddd its name, m mm month, mmm mmmm its "
                "name, yy yyyy year, hh nn ss time; anything else stands for itself."
            ),
        ),
        LegendGroup(
            _("Formats of amounts"),
            tuple(amounts),
            _(
                "Before the closing bracket. Write the number as 0.000,00 with the currency before "
                "or after it; halves of a cent are rounded up."
            ),
        ),
        LegendGroup(_("Empty fields"), (empty,)),
    ]
