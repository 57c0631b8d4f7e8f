"""What every Flask-Admin view of CTM shares."""

from typing import Any, ClassVar

from flask import abort
from flask_admin.contrib.sqla import ModelView
from flask_login import current_user

from admin_views.security import go_to_login
from ctm.extensions import db
from ctm.permissions import Permission, allows


class Guarded:
    """Opens a view to holders of ``permission``; anonymous visitors go to the login page."""

    permission: ClassVar[Permission]

    def is_accessible(self) -> bool:
        return allows(current_user, self.permission)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        return abort(403) if current_user.is_authenticated else go_to_login()


class ReadOnlyView(Guarded, ModelView):  # type: ignore[misc]
    """A list with filters, search and details of records that the domain alone writes.

    Pages in which something is done are blueprints of their own: see
    ``docs/decisions``.
    """

    can_create = False
    can_edit = False
    can_delete = False
    can_view_details = True
    can_set_page_size = True
    page_size = 50
    page_size_options = (20, 50, 100, 500)
    simple_list_pager = True
    named_filter_urls = True
    column_display_actions = False

    def __init__(self, model: Any, **kwargs: Any) -> None:
        super().__init__(model, db, **kwargs)
