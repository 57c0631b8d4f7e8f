"""Translated words for the domain.

The domain speaks through ``_l``: lazy strings that are translated when shown, in the
language of whoever looks, also when no request is under way (worker, jobs, CLI).
"""

from typing import Any

from flask_babel import (
    format_decimal,
    get_translations,
    gettext,
    lazy_gettext,
    lazy_pgettext,
)

LANGUAGES = {"it": "Italiano", "en": "English"}
DEFAULT_LANGUAGE = "it"

_ = gettext
_l = lazy_gettext
_lp = lazy_pgettext


def _n(singular: str, plural: str, num: int, **values: Any) -> str:
    """The form for a number; ``%(num)s`` is the number as the reader's locale writes it."""
    text: str = get_translations().ungettext(singular, plural, num)
    return text % ({"num": format_decimal(num)} | values)


__all__ = ["DEFAULT_LANGUAGE", "LANGUAGES", "_", "_l", "_lp", "_n"]
