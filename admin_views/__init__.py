"""The web layer: one module per noun. ``init_app`` is the list of what there is."""

from flask import Flask
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from flask_babel import Babel

from admin_views import (
    accounts,
    audit,
    auth,
    backups,
    campaigns,
    clients,
    demo_site,
    documents,
    editor,
    errors,
    filters,
    home,
    languages,
    list_statuses,
    mail_templates,
    mails,
    navigation,
    office,
    portfolio,
    practice,
    profile,
    public,
    purposes,
    search,
    security,
    sending,
    setup,
    shell,
    sql_fields,
    suppressions,
    system,
    tasks,
    tracing,
    undecided,
    users,
    watching,
)

MODULES = (
    setup,
    auth,
    profile,
    accounts,
    users,
    office,
    list_statuses,
    suppressions,
    purposes,
    mail_templates,
    sql_fields,
    audit,
    home,
    clients,
    portfolio,
    campaigns,
    mails,
    sending,
    documents,
    tasks,
    practice,
    undecided,
    public,
    system,
    backups,
    search,
    demo_site,
    watching,
)


def init_app(app: Flask, babel: Babel) -> None:
    """Register every page of CTM on the application."""
    tracing.init_app(app)
    languages.init_app(app, babel)
    security.init_app(app)
    filters.init_app(app)
    errors.init_app(app)
    navigation.init_app(app)
    shell.init_app(app)
    editor.init_app(app)
    admin = Admin(
        app,
        name="CTM",
        url="/",
        index_view=home.HomeView(name="Today", url="/"),
        theme=Bootstrap4Theme(base_template="admin/ctm_base.html"),
    )
    for module in MODULES:
        module.register(app, admin)
