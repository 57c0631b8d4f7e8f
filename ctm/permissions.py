"""Who may do what. Roles hold permissions; views, exports and the CLI ask here.

============== =================================================================
administrator  everything, users, accounts, system
manager        clients, campaigns, imports, templates, purposes, the rights of a client,
               decisions on undecided mails
operator       clients, mail from the lists, list statuses by hand, documents from templates
supervisor     reads everything of the office, watches statistics, exports
============== =================================================================
"""

from enum import StrEnum

from sqlalchemy import Select, select

from ctm.errors import NotAllowed
from ctm.i18n import _l
from ctm.models import Role, SmtpAccount, User


class Permission(StrEnum):
    VIEW_CLIENTS = "view_clients"
    EDIT_CLIENTS = "edit_clients"
    DELETE_CLIENTS = "delete_clients"
    IMPORT = "import"
    EXPORT = "export"
    VIEW_CAMPAIGNS = "view_campaigns"
    EDIT_CAMPAIGNS = "edit_campaigns"
    RUN_CAMPAIGNS = "run_campaigns"
    SET_LIST_STATUS = "set_list_status"
    EDIT_TEMPLATES = "edit_templates"
    EDIT_SQL_FIELDS = "edit_sql_fields"
    GENERATE_DOCUMENTS = "generate_documents"
    CLIENT_RIGHTS = "client_rights"
    VIEW_MAIL = "view_mail"
    DECIDE_MAIL = "decide_mail"
    VIEW_PRACTICE = "view_practice"
    USE_ACCOUNTS = "use_accounts"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_USERS = "manage_users"
    VIEW_SYSTEM = "view_system"
    VIEW_AUDIT = "view_audit"
    BACK_UP = "back_up"


_READING = frozenset(
    {
        Permission.VIEW_CLIENTS,
        Permission.VIEW_CAMPAIGNS,
        Permission.VIEW_MAIL,
        Permission.VIEW_PRACTICE,
    }
)

ROLE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.MANAGER: _READING
    | {
        Permission.EDIT_CLIENTS,
        Permission.DELETE_CLIENTS,
        Permission.IMPORT,
        Permission.EXPORT,
        Permission.EDIT_CAMPAIGNS,
        Permission.RUN_CAMPAIGNS,
        Permission.SET_LIST_STATUS,
        Permission.EDIT_TEMPLATES,
        Permission.GENERATE_DOCUMENTS,
        Permission.CLIENT_RIGHTS,
        Permission.DECIDE_MAIL,
        Permission.USE_ACCOUNTS,
        Permission.VIEW_SYSTEM,
    },
    Role.OPERATOR: _READING
    | {
        Permission.EDIT_CLIENTS,
        Permission.SET_LIST_STATUS,
        Permission.USE_ACCOUNTS,
        Permission.GENERATE_DOCUMENTS,
    },
    Role.SUPERVISOR: _READING | {Permission.EXPORT},
}


def allows(user: object, permission: Permission) -> bool:
    """Whether ``user`` (also an anonymous one) holds the permission."""
    role = getattr(user, "role", None)
    active = getattr(user, "is_active", False)
    return bool(active) and permission in ROLE_PERMISSIONS.get(str(role), frozenset())


def require(user: object, permission: Permission) -> None:
    """
    :raises NotAllowed: the user does not hold the permission.
    """
    if not allows(user, permission):
        raise NotAllowed(_l("Your role does not allow this. Ask an administrator."))


def visible_accounts(user: User) -> Select[SmtpAccount]:
    """The accounts this user may see and send from (A1): the enabled ones, or all to whom
    manages them."""
    query = select(SmtpAccount).order_by(SmtpAccount.name)
    if allows(user, Permission.MANAGE_ACCOUNTS):
        return query
    return query.where(SmtpAccount.users.any(User.id == user.id))


def require_account(user: User, account: SmtpAccount | None) -> None:
    """
    :raises NotAllowed: the user is not enabled to send from this account (A1).
    """
    if account is None or allows(user, Permission.MANAGE_ACCOUNTS):
        return
    if all(enabled.id != user.id for enabled in account.users):
        raise NotAllowed(
            _l(
                "You are not enabled to send from “%(name)s”. Ask an administrator, or choose "
                "another account.",
                name=account.name,
            )
        )
