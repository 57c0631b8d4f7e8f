"""ONLINE STATISTICS (G9): who opened, who clicked, per URL; live, nothing to set up."""

import tempfile
from collections.abc import Iterator
from typing import Any

from flask import abort, render_template, request, send_file
from flask_babel import get_locale

from admin_views.campaigns.blueprint import bp
from admin_views.campaigns.live import answer as live_answer
from admin_views.security import requires
from ctm import exporting
from ctm.campaigns import operations
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.mailing.tracking import statistics
from ctm.mailing.tracking.hits import READ
from ctm.models import Hit, Message
from ctm.permissions import Permission

PAGE = 50
MOST_PAGES = 200
TABLES = {
    "links": _l("Links"),
    "readers": _l("Who read"),
    "clickers": _l("Who clicked"),
    "removed": _l("Who removed itself"),
    "failed": _l("Failed"),
}
QUERIES = {
    "readers": statistics.readers,
    "clickers": statistics.clickers,
    "removed": statistics.removed,
    "failed": statistics.failed,
}


@bp.get("/<int:campaign_id>/statistics", endpoint="statistics")
@requires(Permission.VIEW_CAMPAIGNS)
def show(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    figures = statistics.summary(campaign.id)
    return render_template(
        "campaigns/statistics.html",
        campaign=campaign,
        figures=figures,
        bar=statistics.bar(figures),
        standings=statistics.standings(campaign.id),
        charts=_charts(campaign.id),
        tables=TABLES,
        read=READ,
        **_table(campaign.id),
    )


def _asked() -> tuple[str, int]:
    """Which table the address asks for, and which page of it."""
    name = request.args.get("table", "links")
    if name not in TABLES:
        abort(404)
    return name, min(max(0, request.args.get("page", 0, type=int) or 0), MOST_PAGES)


def _table(campaign_id: int) -> dict[str, Any]:
    """The table the address asks for, one page of it."""
    name, page = _asked()
    if name == "links":
        return {"table": name, "rows": statistics.links(campaign_id), "page": 0, "more": False}
    query = QUERIES[name](campaign_id).limit(PAGE + 1).offset(page * PAGE)
    rows = db.session.scalars(query).all()
    return {"table": name, "rows": rows[:PAGE], "page": page, "more": len(rows) > PAGE}


def _charts(campaign_id: int) -> dict[str, Any]:
    course = statistics.over_time(campaign_id)
    figures = statistics.summary(campaign_id)
    words = {
        "sent": _("Sent"),
        "read": _("Read"),
        "clicked": _("Clicked"),
        "removed": _("Removed"),
        "failed": _("Failed"),
    }
    return {
        "time": {
            "labels": [f"{at.isoformat()}Z" for at in course.times],
            "unit": course.unit,
            "fine": course.unit == "minute",
            "series": [
                {"key": "read", "label": _("Openings"), "values": course.opens},
                {"key": "clicked", "label": _("Clicks"), "values": course.clicks},
            ],
        },
        "outcomes": {
            "items": [
                {"key": key, "label": label, "value": figures[key]} for key, label in words.items()
            ]
        },
        "links": {
            "items": [
                {"label": _short(row.url), "people": row.requests, "machines": row.machines}
                for row in statistics.links(campaign_id)[:8]
            ]
        },
    }


def _short(url: str) -> str:
    if url == READ:
        return _("READ")
    bare = url.split("://", 1)[-1].rstrip("/")
    return bare if len(bare) <= 40 else f"{bare[:38]}…"


@bp.get("/<int:campaign_id>/statistics.json")
@requires(Permission.VIEW_CAMPAIGNS)
def statistics_live(campaign_id: int) -> Any:
    """Figures, charts and the open table, for the page that updates itself."""
    table, page = _asked()
    name = f"statistics {table} {page}"
    return live_answer(campaign_id, name, lambda: _live(campaign_id))


def _live(campaign_id: int) -> dict[str, Any]:
    campaign = operations.get(campaign_id)
    figures = statistics.summary(campaign_id)
    shown = _table(campaign_id)
    return dict(figures) | {
        "state": campaign.state,
        "bar": statistics.bar(figures),
        "charts": _charts(campaign_id),
        "standings": render_template(
            "campaigns/_standings.html", standings=statistics.standings(campaign_id)
        ),
        "table": render_template(
            "campaigns/_statistics_table.html", campaign=campaign, read=READ, **shown
        ),
    }


@bp.get("/<int:campaign_id>/statistics/<table>.<kind>")
@requires(Permission.EXPORT)
def statistics_export(campaign_id: int, table: str, kind: str) -> Any:
    if table not in TABLES or kind not in exporting.CONTENT_TYPES:
        abort(404)
    campaign = operations.get(campaign_id)
    columns, rows = _export(campaign.id, table)
    out = tempfile.TemporaryFile()  # noqa: SIM115 - sent and closed with the answer
    exporting.write(kind, out, columns, rows, str(get_locale()))
    out.seek(0)
    return send_file(
        out,
        mimetype=exporting.CONTENT_TYPES[kind],
        as_attachment=True,
        download_name=f"campaign-{campaign.id}-{table}.{kind}",
    )


def _export(campaign_id: int, table: str) -> tuple[list[str], Iterator[list[Any]]]:
    if table == "links":
        columns = ["URL", _("How many"), _("People"), _("Machines"), _("Last"), _("Client")]
        found = statistics.links(campaign_id)
        rows = ([r.url, r.requests, r.people, r.machines, r.last_at, r.last_client] for r in found)
        return columns, rows
    query = QUERIES[table](campaign_id).execution_options(yield_per=500)
    records = db.session.scalars(query)
    if table == "clickers":
        columns = [_("Client"), _("Address"), "URL", _("When"), "IP"]
        return columns, (_click_row(hit) for hit in records if isinstance(hit, Hit))
    columns = [_("Client"), _("Address"), _("Sent"), _("Read"), _("Openings"), _("Clicks")]
    columns += [_("Removed"), _("Server's words")]
    return columns, (_mail_row(mail) for mail in records if isinstance(mail, Message))


def _click_row(hit: Hit) -> list[Any]:
    mail = hit.message
    name = mail.client.display_name if mail.client else mail.to_name
    return [name, mail.to_address, hit.link.url if hit.link else "", hit.at, hit.ip]


def _mail_row(mail: Message) -> list[Any]:
    name = mail.client.display_name if mail.client else mail.to_name
    times = [mail.sent_at, mail.opened_at, mail.opens, mail.clicks, mail.removed_at]
    return [name, mail.to_address, *times, mail.server_words]
