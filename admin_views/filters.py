"""Template filters: numbers, dates and sizes as the reader's locale writes them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import Flask
from flask_babel import (
    format_currency,
    format_date,
    format_datetime,
    format_decimal,
    format_percent,
    format_timedelta,
    get_locale,
)
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from ctm.clock import utcnow


def init_app(app: Flask) -> None:
    for function in (
        fmt_number,
        fmt_percent,
        fmt_amount,
        fmt_date,
        fmt_datetime,
        fmt_exact,
        fmt_bytes,
        fmt_duration,
    ):
        app.jinja_env.filters[function.__name__] = function
    texts = app.jinja_env.globals
    texts["ngettext"] = _with_numbers(texts["ngettext"])


def _with_numbers(ngettext: Callable[..., str]) -> Callable[..., str]:
    """``%(num)s`` in a template's texts is the number as the reader's locale writes it."""

    @pass_context
    def counted(context: Context, singular: str, plural: str, num: int, **values: Any) -> str:
        return ngettext(context, singular, plural, num, **{"num": fmt_number(num)} | values)

    return counted


def fmt_number(value: float | None) -> str:
    return "–" if value is None else format_decimal(value)


def fmt_percent(part: float, whole: float) -> str:
    return format_percent(part / whole, "#,##0 %") if whole else "–"


def fmt_amount(value: Decimal | None) -> str:
    """Money in the office's currency."""
    return "–" if value is None else format_currency(value, "EUR")


def fmt_date(value: date | None) -> str:
    return "–" if value is None else format_date(value, "dd/MM/yyyy" if _italian() else "medium")


def fmt_exact(value: datetime | None) -> str:
    """Date and time in the office's time zone, to the minute."""
    return (
        "–"
        if value is None
        else format_datetime(value, "short" if _italian() else "d MMM y, HH:mm")
    )


def fmt_datetime(value: datetime | None) -> Markup:
    """Relative where recent, with the exact time on hover."""
    if value is None:
        return Markup("–")
    age = utcnow() - value
    shown = fmt_exact(value)
    if timedelta(0) <= age < timedelta(days=2):
        shown = format_timedelta(-age, add_direction=True, threshold=1.2)
    return Markup('<time datetime="{}Z" title="{}">{}</time>').format(
        value.isoformat(timespec="seconds"), fmt_exact(value), shown
    )


def fmt_duration(seconds: float) -> str:
    return format_timedelta(timedelta(seconds=seconds), threshold=1.2)


def fmt_bytes(size: int | None) -> str:
    if size is None:
        return "–"
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            return f"{format_decimal(round(value, 1 if unit in {'MB', 'GB'} else 0))} {unit}"
        value /= 1024
    return ""


def _italian() -> bool:
    locale = get_locale()
    return locale is not None and locale.language == "it"
