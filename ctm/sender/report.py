"""The outcome of a check as plain data, kept with the account and shown in anybody's language."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

OK, ADVICE, PROBLEM, UNKNOWN = "ok", "advice", "problem", "unknown"
WORST_FIRST = (PROBLEM, UNKNOWN, ADVICE, OK)
LONGEST = 600


@dataclass(frozen=True)
class Finding:
    """One thing that was found. ``code`` is a key of ``ctm.sender.words``, ``values`` fill its
    sentence. ``write`` is a record to put into the zone: name, type, value."""

    part: str
    level: str
    code: str
    values: dict[str, str] = field(default_factory=dict)
    found: str = ""
    write: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Report:
    """Everything about one domain."""

    domain: str
    findings: tuple[Finding, ...]

    @property
    def level(self) -> str:
        """The worst of all."""
        levels = {finding.level for finding in self.findings}
        return next((level for level in WORST_FIRST if level in levels), OK)

    def to_dict(self) -> dict[str, Any]:
        return {"domain": self.domain, "findings": [_short(asdict(f)) for f in self.findings]}


def read(data: Mapping[str, Any] | None) -> Report | None:
    """A report as it was kept; ``None`` if there is none, or it is not one this version knows."""
    try:
        findings = [
            Finding(**{**each, "write": tuple(each["write"]) if each["write"] else None})
            for each in (data or {})["findings"]
        ]
        return Report(str((data or {})["domain"]), tuple(findings))
    except (KeyError, TypeError, ValueError):
        return None


def _short(finding: dict[str, Any]) -> dict[str, Any]:
    finding["found"] = finding["found"][:LONGEST]
    finding["values"] = {name: str(value)[:200] for name, value in finding["values"].items()}
    return finding
