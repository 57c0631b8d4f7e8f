"""Entering and changing a client."""

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectChoice, SelectField, StringField, TextAreaField

from admin_views.clients.blueprint import bp
from admin_views.security import requires
from ctm.clients import checks, operations
from ctm.clients.fields import KIND_WORDS, SEX_WORDS, STORED, FieldType
from ctm.errors import Conflict, InvalidInput
from ctm.i18n import _, _l
from ctm.models import Client, ClientKind
from ctm.permissions import Permission

KINDS = [SelectChoice(str(kind), label) for kind, label in KIND_WORDS.items()]
SEXES = [SelectChoice("", "–"), *(SelectChoice(sex, word) for sex, word in SEX_WORDS.items())]


class ClientFormBase(FlaskForm):  # type: ignore[misc]
    """What is not a field of the client; the protection against forged posts is the page's."""

    class Meta:
        csrf = False

    version = HiddenField()
    save_anyway = BooleanField(_l("Save anyway: it is not the same client"))


def _control(name: str) -> Any:
    field = next(each for each in STORED if each.name == name)
    if name == "kind":
        return SelectField(field.label, choices=KINDS, default=ClientKind.PERSON.value)
    if name == "sex":
        return SelectField(field.label, choices=SEXES)
    if field.type is FieldType.FLAG:
        return BooleanField(field.label, default=True)
    if name == "notes":
        return TextAreaField(field.label)
    return StringField(field.label)


ClientForm = type(
    "ClientForm", (ClientFormBase,), {field.name: _control(field.name) for field in STORED}
)


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def create() -> Any:
    form = ClientForm()
    if request.method == "POST":
        client = _save(form, None)
        if client is not None:
            flash(_("“%(name)s” is in the registry.", name=client.display_name), "success")
            return redirect(url_for("clients.show", client_id=client.id))
    return _page(form, None)


@bp.route("/<int:client_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def edit(client_id: int) -> Any:
    client = operations.get(client_id)
    if request.method == "POST":
        form = ClientForm()
        if _save(form, client) is not None:
            flash(_("“%(name)s” is changed.", name=client.display_name), "success")
            return redirect(url_for("clients.show", client_id=client.id))
    else:
        form = ClientForm(obj=client)
        form.birth_date.data = _as_text(client.birth_date)
        form.version.data = client.updated_at.isoformat()
    return _page(form, client)


def _save(form: Any, client: Client | None) -> Client | None:
    """Save through the domain; what is refused stands beside its field."""
    values = {field.name: form[field.name].data for field in STORED}
    form.twins = []
    try:
        cleaned = checks.clean_client(values)
        twins = operations.duplicates(values, client.id if client else None)
        if twins and not form.save_anyway.data:
            form.twins = twins
            return None
        if client is None:
            return operations.create(cleaned)
        return operations.update(client, cleaned, _version(form))
    except checks.InvalidFields as error:
        for name, message in error.errors.items():
            form[name].errors = [str(message)]
    except Conflict as error:
        if client is None:
            raise
        form.conflict = str(error)
        form.meanwhile = _differences(values, client)
        form.version.data = form.version.raw_data = client.updated_at.isoformat()
    return None


def _version(form: Any) -> datetime:
    """Which state of the record the user had in front of him."""
    try:
        return datetime.fromisoformat(form.version.data or "")
    except ValueError:
        raise InvalidInput(_("The page is incomplete. Open the client again.")) from None


def _differences(values: dict[str, Any], client: Client) -> list[tuple[str, str]]:
    """What is kept now where it differs from what was typed."""
    found = []
    for field in STORED:
        kept = getattr(client, field.name)
        typed = values[field.name]
        if _as_text(kept) != _as_text(typed) and field.type is not FieldType.FLAG:
            found.append((str(field.label), _as_text(kept) or "–"))
    return found


def _as_text(value: Any) -> str:
    if hasattr(value, "strftime"):
        return str(value.strftime("%d/%m/%Y"))
    return "" if value is None else str(value).strip()


def _page(form: Any, client: Client | None) -> Any:
    wrong = bool(form.errors) or getattr(form, "conflict", None) or getattr(form, "twins", None)
    return render_template("clients/edit.html", form=form, client=client), 422 if wrong else 200
