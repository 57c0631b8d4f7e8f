"""Translated words for the domain.

The domain speaks through ``_l``: lazy strings that are translated when shown, in the
language of whoever looks, also when no request is under way (worker, jobs, CLI).
"""

from flask_babel import gettext, lazy_gettext, lazy_pgettext, ngettext

LANGUAGES = {"it": "Italiano", "en": "English"}
DEFAULT_LANGUAGE = "it"

_ = gettext
_l = lazy_gettext
_n = ngettext
_lp = lazy_pgettext

__all__ = ["DEFAULT_LANGUAGE", "LANGUAGES", "_", "_l", "_lp", "_n"]
