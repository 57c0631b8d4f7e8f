"""SMTP accounts (A1, A2): the list, the form, the test."""

from typing import Any

from flask import Blueprint, Flask, flash, jsonify, redirect, render_template, request, url_for
from flask_admin import Admin
from flask_login import current_user
from flask_wtf import FlaskForm
from markupsafe import Markup
from sqlalchemy.orm import selectinload
from wtforms import (
    BooleanField,
    EmailField,
    PasswordField,
    SelectChoice,
    SelectField,
    StringField,
)

from admin_views.security import requires
from ctm import users
from ctm.accounts import operations
from ctm.accounts.presets import PRESETS
from ctm.clients.checks import InvalidFields
from ctm.clock import utcnow
from ctm.errors import Conflict, CtmError
from ctm.extensions import db
from ctm.i18n import _, _l, _n
from ctm.models import Security, SmtpAccount
from ctm.permissions import Permission, visible_accounts
from ctm.sender import operations as sender
from ctm.sender import words

bp = Blueprint("accounts", __name__, url_prefix="/accounts")

SECURITY_WORDS = {
    Security.TLS.value: _l("TLS from the start (port 465)"),
    Security.STARTTLS.value: _l("STARTTLS (port 587)"),
    Security.NONE.value: _l("none (only inside the office)"),
}
UNITS = (
    (1, _l("seconds")),
    (60, _l("minutes")),
    (3600, _l("hours")),
    (86400, _l("days")),
)


class AccountForm(FlaskForm):  # type: ignore[misc]
    """The manual's fields: server, user, password, port, from, its text, users, reply to."""

    class Meta:
        csrf = False  # the page's own protection covers every POST

    name = StringField(_l("Name of the account"))
    provider = SelectField(
        _l("Provider"), choices=[SelectChoice(preset.code, preset.label) for preset in PRESETS]
    )
    host = StringField(_l("Server (SMTP hostname)"))
    port = StringField(_l("Port"), default="465")
    security = SelectField(
        _l("Protection"), choices=[SelectChoice(*pair) for pair in SECURITY_WORDS.items()]
    )
    username = StringField(_l("User name"))
    password = PasswordField(_l("Password"))
    from_email = EmailField(_l("From e-mail"))
    from_name = StringField(_l("From text"), description=_l("What recipients see as the sender."))
    reply_to = EmailField(_l("Reply to"), description=_l("Where answers go, if elsewhere."))
    dkim_selector = StringField(
        _l("DKIM selector"),
        description=_l("If it is known: what stands behind s= in a mail's DKIM-Signature."),
    )
    connections = StringField(_l("Connections at a time"), default="2")
    user_ids = StringField(_l("Enabled users"))
    active = BooleanField(_l("Active"), default=True)


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)
    app.jinja_env.filters["limit_words"] = limit_words


def limit_words(limits: list[list[int]]) -> list[str]:
    """``[[100, 86400]]`` as “100 in 1 day”."""
    return [
        _("%(count)s in %(time)s", count=messages, time=_time_words(seconds))
        for messages, seconds in limits
    ]


def _time_words(seconds: int) -> str:
    amount, unit = _amount(seconds)
    return {
        86400: _n("%(num)s day", "%(num)s days", amount),
        3600: _n("%(num)s hour", "%(num)s hours", amount),
        60: _n("%(num)s minute", "%(num)s minutes", amount),
        1: _n("%(num)s second", "%(num)s seconds", amount),
    }[unit]


def _amount(seconds: int) -> tuple[int, int]:
    """Seconds as a whole number of the largest unit that fits."""
    unit = next(size for size, _word in reversed(UNITS) if seconds % size == 0)
    return seconds // unit, unit


@bp.get("/")
@requires(Permission.USE_ACCOUNTS)
def index_view() -> Any:
    query = visible_accounts(current_user).options(selectinload(SmtpAccount.users))
    accounts = list(db.session.scalars(query))
    labels = {preset.code: preset.label for preset in PRESETS}
    reports = {account.id: sender.kept(account) for account in accounts}
    return render_template(
        "accounts/list.html",
        accounts=accounts,
        labels=labels,
        now=utcnow(),
        reports=reports,
        words=words,
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_ACCOUNTS)
def create() -> Any:
    form = AccountForm()
    if request.method == "POST":
        account = _save(form, None)
        if account is not None:
            return _saved(account)
    elif not form.user_ids.data:
        form.user_ids.data = str(current_user.id)
        form.host.data = PRESETS[0].host
    return _page(form, None)


@bp.route("/<int:account_id>", methods=["GET", "POST"])
@requires(Permission.MANAGE_ACCOUNTS)
def edit(account_id: int) -> Any:
    account = operations.get(account_id, current_user)
    if request.method == "POST":
        form = AccountForm()
        if _save(form, account) is not None:
            return _saved(account)
    else:
        form = AccountForm(obj=account)
        form.user_ids.data = ",".join(str(user.id) for user in account.users)
    return _page(form, account)


@bp.post("/<int:account_id>/test")
@requires(Permission.MANAGE_ACCOUNTS)
def test(account_id: int) -> Any:
    account = operations.get(account_id, current_user)
    name = account.name
    try:
        result = operations.test(account)
    except CtmError as error:
        flash(f"{name}: {error}", "bad")
    else:
        text = Markup("<b>{}</b>: {}<br>{} <code>{}</code>").format(
            name, result.hint, _("The server's words:"), result.words
        )
        flash(text, "good" if result.ok else "bad")
    return redirect(_back(account_id))


@bp.post("/<int:account_id>/dns")
@requires(Permission.MANAGE_ACCOUNTS)
def check_dns(account_id: int) -> Any:
    """Have the sender's domain checked in the background; the card shows what is found."""
    account = operations.get(account_id, current_user)
    try:
        sender.submit(account, current_user)
    except Conflict as error:
        flash(str(error), "bad")
    return redirect(url_for("accounts.edit", account_id=account_id, _anchor="dns"))


@bp.get("/<int:account_id>/dns.json")
@requires(Permission.MANAGE_ACCOUNTS)
def dns_progress(account_id: int) -> Any:
    account = operations.get(account_id, current_user)
    task = sender.under_way(account)
    if task is None:
        return jsonify(done=sender.PARTS, total=sender.PARTS, text="", finished=True, error="")
    return jsonify(
        done=task.done, total=sender.PARTS, text=_("DNS is being asked…"), finished=False, error=""
    )


@bp.post("/<int:account_id>/restart")
@requires(Permission.MANAGE_ACCOUNTS)
def restart(account_id: int) -> Any:
    account = operations.get(account_id, current_user)
    operations.restart(account)
    flash(_("“%(name)s” sends again.", name=account.name), "good")
    return redirect(_back(account_id))


@bp.post("/<int:account_id>/delete")
@requires(Permission.MANAGE_ACCOUNTS)
def delete(account_id: int) -> Any:
    account = operations.get(account_id, current_user)
    try:
        operations.delete(account)
    except Conflict as error:
        flash(str(error), "bad")
        return redirect(url_for("accounts.edit", account_id=account_id))
    flash(_("“%(name)s” is deleted.", name=account.name), "good")
    return redirect(url_for("accounts.index_view"))


@bp.get("/users")
@requires(Permission.MANAGE_ACCOUNTS)
def user_lookup() -> Any:
    """Users by what is typed of their name, for “Enabled users”."""
    found = users.search(request.args.get("q", "")[:100], 20)
    return jsonify([{"id": u.id, "label": u.name, "detail": u.email} for u in found])


def _back(account_id: int) -> str:
    if request.form.get("from") == "edit":
        return url_for("accounts.edit", account_id=account_id)
    return url_for("accounts.index_view")


def _saved(account: SmtpAccount) -> Any:
    if request.form.get("then") == "test":
        return test(account.id)
    flash(_("“%(name)s” is saved.", name=account.name), "good")
    return redirect(url_for("accounts.index_view"))


def _typed_limits() -> list[list[Any]]:
    """The rows as typed: mails, amount and unit of time; empty rows fall out."""
    rows = zip(
        request.form.getlist("limit_messages"),
        request.form.getlist("limit_amount"),
        request.form.getlist("limit_unit"),
        strict=False,
    )
    units = {str(size): size for size, _word in UNITS}
    limits: list[list[Any]] = []
    for messages, amount, unit in rows:
        if not messages.strip() and not amount.strip():
            continue
        time = amount.strip()
        whole = time.isascii() and time.isdecimal() and len(time) < 9 and unit in units
        shown = time if unit in units and time else "?"
        limits.append([messages, int(time) * units[unit] if whole else shown])
    return limits


def _save(form: AccountForm, account: SmtpAccount | None) -> SmtpAccount | None:
    """Save through the domain; what is refused stands beside its field."""
    values: dict[str, Any] = {field.name: field.data for field in form}
    values["user_ids"] = [part for part in (form.user_ids.data or "").split(",") if part.strip()]
    values["limits"] = _typed_limits()
    form.limit_errors = []
    try:
        return operations.update(account, values) if account else operations.create(values)
    except InvalidFields as error:
        for name, message in error.errors.items():
            if name == "limits":
                form.limit_errors = [str(message)]
            else:
                form[name].errors = [str(message)]
    except CtmError as error:
        form.provider.errors = [str(error)]
    return None


def _page(form: AccountForm, account: SmtpAccount | None) -> Any:
    posted = request.method == "POST"
    ids = [part for part in (form.user_ids.data or "").split(",") if part.strip().isdecimal()]
    context = {
        "form": form,
        "account": account,
        "units": UNITS,
        "limits": _rows(
            _typed_limits()
            if posted
            else (account.limits if account else [list(pair) for pair in PRESETS[0].limits])
        ),
        "dns": sender.kept(account) if account else None,
        "dns_running": sender.under_way(account) if account else None,
        "words": words,
        "chosen": [[user.id, user.name] for user in users.named([int(part) for part in ids[:200]])],
        "presets": {
            preset.code: {
                "host": preset.host,
                "port": preset.port,
                "security": preset.security.value,
                "limits": [[messages, *_amount(span)] for messages, span in preset.limits],
                "needs": [str(need) for need in preset.needs],
            }
            for preset in PRESETS
        },
    }
    return render_template("accounts/edit.html", **context), 422 if posted else 200


def _rows(limits: list[list[Any]]) -> list[tuple[Any, Any, int]]:
    """Limits as the form shows them: mails, amount, unit."""
    return [
        (messages, *(_amount(span) if isinstance(span, int) and span else (span, 1)))
        for messages, span in limits
    ]
