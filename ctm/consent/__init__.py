"""Consent: what each client agreed to, with proof, and who may be written to for a purpose."""

from ctm.consent.recording import (
    SOURCES,
    latest,
    record,
    standings,
    withdraw_marketing,
)
from ctm.consent.standing import STATES, allowed, condition, stands

__all__ = [
    "SOURCES",
    "STATES",
    "allowed",
    "condition",
    "latest",
    "record",
    "standings",
    "stands",
    "withdraw_marketing",
]
