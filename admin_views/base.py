"""What every Flask-Admin view of CTM shares: permissions per view and per method."""

from typing import Any, ClassVar

from flask import abort, flash
from flask_admin import BaseView
from flask_admin.contrib.sqla import ModelView
from flask_login import current_user
from sqlalchemy.exc import IntegrityError

from admin_views.security import go_to_login
from ctm.errors import CtmError
from ctm.extensions import db
from ctm.i18n import _
from ctm.permissions import Permission, allows


class Guarded:
    """Opens a view to holders of ``permission``; anonymous visitors go to the login page."""

    permission: ClassVar[Permission]

    def is_accessible(self) -> bool:
        return allows(current_user, self.permission)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        return abort(403) if current_user.is_authenticated else go_to_login()


class CtmView(Guarded, BaseView):  # type: ignore[misc]
    """A page of its own inside the panel."""


class CtmModelView(Guarded, ModelView):  # type: ignore[misc]
    """A list with create and edit. ``write``/``remove``/``export`` name who may do more than look.

    Views override ``save(model, form, is_created)`` and ``erase(model)`` with a domain function;
    nothing is committed here.
    """

    write: ClassVar[Permission]
    remove: ClassVar[Permission | None] = None
    export: ClassVar[Permission | None] = None

    page_size = 50
    can_set_page_size = True
    page_size_options = (20, 50, 100, 500)
    can_view_details = False
    named_filter_urls = True
    column_display_actions = False

    def __init__(self, model: Any, **kwargs: Any) -> None:
        super().__init__(model, db, **kwargs)

    @property
    def can_create(self) -> bool:
        return allows(current_user, self.write)

    @property
    def can_edit(self) -> bool:
        return allows(current_user, self.write)

    @property
    def can_delete(self) -> bool:
        return self.remove is not None and allows(current_user, self.remove)

    @property
    def can_export(self) -> bool:
        return False

    def save(self, model: Any, form: Any, is_created: bool) -> Any:
        """Bring the form's values into the record through the domain, and return it."""
        raise NotImplementedError

    def erase(self, model: Any) -> None:
        """Delete the record through the domain."""
        raise NotImplementedError

    def create_model(self, form: Any) -> Any:
        return self._try(lambda: self.save(self.model(), form, True), form)

    def update_model(self, form: Any, model: Any) -> bool:
        return self._try(lambda: self.save(model, form, False), form) is not False

    def delete_model(self, model: Any) -> bool:
        return self._try(lambda: self.erase(model)) is not False

    def _try(self, operation: Any, form: Any = None) -> Any:
        """Run it; a refusal is shown beside its field, or on top, and gives ``False``."""
        try:
            return operation()
        except CtmError as error:
            db.session.rollback()
            field = getattr(error, "field", None)
            if form is not None and field and field in form:
                form[field].errors = [*form[field].errors, str(error)]
            else:
                flash(str(error), "error")
        except IntegrityError:
            db.session.rollback()
            flash(_("Another record already has this name, or this one is still in use."), "error")
        return False
