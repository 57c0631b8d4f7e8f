"""What is known of a mail while its hits are being counted."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ctm.models import UNDER_WAY


@dataclass(slots=True)
class Click:
    """A click of a person, or of a scanner found out; without ``id`` it is a new one."""

    id: int | None
    at: datetime
    link_id: int | None
    url: str
    machine: str


@dataclass(slots=True)
class Mail:
    """A mail's row and what its hits change. ``people``: their clicks per URL."""

    id: int
    mailing_id: int
    campaign_id: int
    member_id: int | None
    client_id: int | None
    state: str
    sent_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    clicks: int
    machine_hits: int
    practice: bool
    opens: int = 0
    touched: bool = False
    people: Counter[str] = field(default_factory=Counter)
    recent: list[Click] = field(default_factory=list)

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def hit_before(self) -> bool:
        """Whether a click may be in the books already."""
        return self.clicks > 0 or self.machine_hits > 0

    def row(self) -> dict[str, Any]:
        return {
            "b_id": self.id,
            "b_opens": self.opens,
            "b_clicks": self.clicks,
            "b_machine_hits": self.machine_hits,
            "b_opened_at": self.opened_at,
            "b_clicked_at": self.clicked_at,
        }
