"""The contacts of a client."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField, TextAreaField

from admin_views.clients.blueprint import bp
from admin_views.clients.card import render_card
from admin_views.security import requires
from ctm.clients import checks, operations
from ctm.i18n import _, _l
from ctm.models import Client, Contact
from ctm.permissions import Permission


class ContactForm(FlaskForm):  # type: ignore[misc]
    """A person at a client."""

    class Meta:
        csrf = False

    first_name = StringField(checks.CONTACT_FIELDS["first_name"])
    last_name = StringField(checks.CONTACT_FIELDS["last_name"])
    position = StringField(checks.CONTACT_FIELDS["position"])
    email = StringField(checks.CONTACT_FIELDS["email"])
    phone = StringField(checks.CONTACT_FIELDS["phone"])
    mobile = StringField(checks.CONTACT_FIELDS["mobile"])
    notes = TextAreaField(checks.CONTACT_FIELDS["notes"])
    active = BooleanField(_l("Gets mail of campaigns"), default=True)


@bp.route("/<int:client_id>/contacts/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def add_contact(client_id: int) -> Any:
    return _form(operations.get(client_id), None)


@bp.route("/<int:client_id>/contacts/<int:contact_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def edit_contact(client_id: int, contact_id: int) -> Any:
    client = operations.get(client_id)
    return _form(client, operations.get_contact(client, contact_id))


def _form(client: Client, contact: Contact | None) -> Any:
    form = ContactForm(obj=contact)
    if request.method == "POST":
        try:
            saved = operations.save_contact(client, form.data, contact)
        except checks.InvalidFields as error:
            for name, message in error.errors.items():
                form[name].errors = [str(message)]
        else:
            flash(_("The contact “%(name)s” is kept.", name=str(saved)), "success")
            return _back(client)
    page = render_card(client, "contacts", contact_form=form, contact=contact)
    return page, 422 if form.errors else 200


@bp.post("/<int:client_id>/contacts/<int:contact_id>/delete")
@requires(Permission.EDIT_CLIENTS)
def delete_contact(client_id: int, contact_id: int) -> Any:
    client = operations.get(client_id)
    contact = operations.get_contact(client, contact_id)
    name = str(contact)
    operations.delete_contact(client, contact)
    flash(_("The contact “%(name)s” is deleted.", name=name), "success")
    return _back(client)


def _back(client: Client) -> Any:
    return redirect(url_for("clients.show", client_id=client.id, section="contacts"))
