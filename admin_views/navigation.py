"""The left menu: groups of entries in the user's words, with counts that wait for someone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, request
from flask_babel import LazyString
from flask_login import current_user
from sqlalchemy import func, select

from ctm.extensions import db
from ctm.i18n import _l
from ctm.mailing import undecided
from ctm.models import Campaign, CampaignState, Message
from ctm.permissions import Permission, allows
from ctm.settings import office_name


@dataclass(frozen=True)
class Entry:
    """A menu entry: where it leads, who sees it, what is counted beside it."""

    label: LazyString
    endpoint: str
    permission: Permission
    count: Callable[[], int] | None = None
    hot: bool = False


@dataclass(frozen=True)
class NavItem:
    """An entry as the template shows it."""

    label: str
    url: str
    active: bool
    count: int | None
    hot: bool


def _running() -> int:
    states = (CampaignState.RUNNING, CampaignState.OVERDUE)
    query = select(func.count()).select_from(Campaign).where(Campaign.state.in_(states))
    return db.session.scalar(query) or 0


def _undecided() -> int:
    waiting = select(Message.id).where(undecided.waiting()).limit(1000)
    return db.session.scalar(select(func.count()).select_from(waiting.subquery())) or 0


MENU: tuple[tuple[LazyString | str, tuple[Entry, ...]], ...] = (
    ("", (Entry(_l("Today"), "admin.index", Permission.VIEW_CLIENTS),)),
    (_l("Archive"), (Entry(_l("Clients"), "clients.index_view", Permission.VIEW_CLIENTS),)),
    (
        _l("Portfolio"),
        (
            Entry(_l("Policies"), "policies.index_view", Permission.VIEW_CLIENTS),
            Entry(_l("Instalments"), "instalments.index_view", Permission.VIEW_CLIENTS),
        ),
    ),
    (
        _l("Sending"),
        (
            Entry(_l("Campaigns"), "campaigns.index_view", Permission.VIEW_CAMPAIGNS, _running),
            Entry(_l("Sent mail"), "mails.index_view", Permission.VIEW_MAIL),
            Entry(_l("Drafts"), "sending.index", Permission.USE_ACCOUNTS),
            Entry(_l("To decide"), "undecided.index", Permission.DECIDE_MAIL, _undecided, True),
            Entry(_l("Practice mailbox"), "practice.index", Permission.VIEW_PRACTICE),
        ),
    ),
    (
        _l("Settings"),
        (
            Entry(_l("SMTP accounts"), "accounts.index_view", Permission.USE_ACCOUNTS),
            Entry(_l("List statuses"), "list_statuses.index_view", Permission.EDIT_CAMPAIGNS),
            Entry(_l("Documents"), "documents.index_view", Permission.GENERATE_DOCUMENTS),
            Entry(_l("Removed addresses"), "suppressions.index_view", Permission.EDIT_CAMPAIGNS),
            Entry(_l("Mail templates"), "mail_templates.index_view", Permission.VIEW_MAIL),
            Entry(_l("SQL fields"), "sql_fields.index_view", Permission.EDIT_SQL_FIELDS),
            Entry(_l("Purposes"), "purposes.index_view", Permission.EDIT_TEMPLATES),
            Entry(_l("Office"), "office.index", Permission.MANAGE_USERS),
            Entry(_l("Users"), "users.index_view", Permission.MANAGE_USERS),
            Entry(_l("System"), "system.index", Permission.VIEW_SYSTEM),
            Entry(_l("Audit log"), "audit.index_view", Permission.VIEW_AUDIT),
        ),
    ),
)


def init_app(app: Flask) -> None:
    app.context_processor(_context)


def _context() -> dict[str, Any]:
    if not current_user or not current_user.is_authenticated:
        return {"nav": [], "office_name": office_name()}
    groups = []
    for title, entries in MENU:
        items = [_item(entry) for entry in entries if _shown(entry)]
        if items:
            groups.append((title, items))
    return {"nav": groups, "office_name": office_name()}


def entries() -> list[NavItem]:
    """Every entry the user may see, without counts."""
    return [
        NavItem(str(entry.label), current_app.url_for(entry.endpoint), False, None, False)
        for _title, group in MENU
        for entry in group
        if _shown(entry)
    ]


def _shown(entry: Entry) -> bool:
    known = entry.endpoint in current_app.view_functions
    return known and allows(current_user, entry.permission)


def _item(entry: Entry) -> NavItem:
    place = request.endpoint or ""
    return NavItem(
        label=str(entry.label),
        url=current_app.url_for(entry.endpoint),
        active=place.partition(".")[0] == entry.endpoint.partition(".")[0],
        count=entry.count() if entry.count else None,
        hot=entry.hot,
    )
