"""Choosing who is in a campaign: a selection, a saved filter, a file, all."""

import tempfile
from pathlib import Path
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user

from admin_views.campaigns.blueprint import bp, number
from admin_views.security import requires
from ctm import files
from ctm.campaigns import joining, members, operations
from ctm.clients import saved_filters, selection
from ctm.errors import CtmError, InvalidInput
from ctm.i18n import _, _l, _n
from ctm.models import Campaign, Task
from ctm.permissions import Permission

SHOWN_UNKNOWN = 200


def _say(campaign: Campaign, result: members.Added) -> None:
    if result.added:
        words = _n(
            "%(num)s client added to “%(name)s”.",
            "%(num)s clients added to “%(name)s”.",
            result.added,
            name=campaign.name,
        )
    else:
        words = _("Nobody new: all of them were in “%(name)s” already.", name=campaign.name)
        if not result.already:
            words = _("No client was found to add.")
    if result.added and result.already:
        words += " " + _("Already in it: %(already)s.", already=result.already)
    flash(words, "good" if result.added else "warning")


@bp.post("/add-clients")
@requires(Permission.EDIT_CAMPAIGNS)
def add_clients() -> Any:
    """From the clients' list: the chosen ones, or all that match its search."""
    form = request.form
    asked = number("campaign_id")
    if not asked:
        raise InvalidInput(_l("Choose a campaign."))
    campaign = operations.get(asked)
    chosen = selection.read(
        form.getlist("ids"), form.get("all_matching", ""), form.get("query", "")
    )
    return _join(campaign, chosen)


def _join(campaign: Campaign, chosen: selection.Selection | None) -> Any:
    """Add and say so, or lead to the task that does it."""
    done = joining.join(campaign, chosen, current_user)
    if isinstance(done, Task):
        return redirect(url_for("tasks.show", task_id=done.id))
    _say(campaign, done)
    return redirect(url_for("campaigns.members", campaign_id=campaign.id))


@bp.get("/<int:campaign_id>/add")
@requires(Permission.EDIT_CAMPAIGNS)
def add(campaign_id: int) -> Any:
    return _page(operations.get(campaign_id))


def _page(campaign: Campaign, report: members.FileReport | None = None, problem: str = "") -> Any:
    return render_template(
        "campaigns/add.html",
        campaign=campaign,
        saved=saved_filters.visible(current_user),
        report=report,
        unknown=report.unknown[:SHOWN_UNKNOWN] if report else [],
        problem=problem,
    )


@bp.post("/<int:campaign_id>/add/all")
@requires(Permission.EDIT_CAMPAIGNS)
def add_all(campaign_id: int) -> Any:
    return _join(operations.get(campaign_id), None)


@bp.post("/<int:campaign_id>/add/filter")
@requires(Permission.EDIT_CAMPAIGNS)
def add_filter(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    saved = saved_filters.get(number("filter_id"), current_user)
    found = saved_filters.load(saved)
    return _join(campaign, selection.Selection(found, None))


@bp.post("/<int:campaign_id>/add/file")
@requires(Permission.EDIT_CAMPAIGNS)
def add_file(campaign_id: int) -> Any:
    campaign = operations.get(campaign_id)
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return _page(campaign, problem=_("Choose a file first.")), 400
    limit = files.max_bytes()
    with tempfile.TemporaryDirectory() as folder:
        name = files.safe_name(upload.filename)
        path = Path(folder) / "table"
        upload.save(path)
        try:
            if path.stat().st_size > limit:
                raise files.too_large(name, limit)
            report = members.add_from_file(campaign, path, name)
        except CtmError as error:
            return _page(campaign, problem=str(error)), 400
    _say(campaign, report.result)
    if report.unknown:
        return _page(campaign, report)
    return redirect(url_for("campaigns.members", campaign_id=campaign.id))
