"""What a check says: how it stands, what that means, what to do next."""

from dataclasses import dataclass

from flask_babel import LazyString

from ctm.i18n import _l

OK, ADVICE, PROBLEM = "ok", "advice", "problem"
WORST_FIRST = (PROBLEM, ADVICE, OK)
LEVELS = {"ok": _l("in order"), "advice": _l("advice"), "problem": _l("problem")}
AREAS: dict[str, LazyString | str] = {
    "configuration": _l("Configuration"),
    "keys": _l("Keys"),
    "storage": _l("Folders and disk"),
    "database": _l("Database"),
    "clock": _l("Clock"),
    "processes": _l("Processes"),
    "mails": _l("Mails"),
    "public_url": _l("Public address"),
    "accounts": _l("SMTP accounts"),
    "dns": "DNS",
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ``next`` is empty when there is nothing to do."""

    area: str
    level: str
    says: str
    next: str = ""

    def to_dict(self) -> dict[str, str]:
        return {"area": self.area, "level": self.level, "says": self.says, "next": self.next}


def worst(checks: list[Check]) -> str:
    levels = {check.level for check in checks}
    return next((level for level in WORST_FIRST if level in levels), OK)
