"""The ``{{name}}`` fields (A20) of mail from a list: which exist, and their values for rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from ctm.mailing.merge import Catalogue, catalogue_of


def catalogue(module: str) -> Catalogue:
    """What a mail from this module may use."""
    return catalogue_of(module)


def used(_keys: Iterable[str]) -> dict[str, Any] | None:
    return None


def values(_names: dict[str, Any] | None, _row_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    return {}
