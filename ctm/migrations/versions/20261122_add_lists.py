"""add lists: policies, instalments, purposes and consent, templates, documents

Revision ID: 20261122_add_lists
Revises: 20261122_index_lists
"""

import logging

import sqlalchemy as sa
from alembic import op

revision = "20261122_add_lists"
down_revision = "20261122_index_lists"
branch_labels = None
depends_on = None

log = logging.getLogger("alembic.runtime.migration")

big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "purposes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("needs_consent", sa.Boolean(), nullable=False),
        sa.Column("marketing", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purposes")),
        sa.UniqueConstraint("name", name=op.f("uq_purposes_name")),
    )
    op.create_table(
        "consent_events",
        sa.Column("id", big_id, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("purpose_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_consent_events_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["purpose_id"],
            ["purposes.id"],
            name=op.f("fk_consent_events_purpose_id_purposes"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_consent_events_user_id_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_events")),
    )
    op.create_index(op.f("ix_consent_events_client_id_id"), "consent_events", ["client_id", "id"])

    op.create_table(
        "consents",
        sa.Column("id", big_id, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("purpose_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_consents_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["purpose_id"],
            ["purposes.id"],
            name=op.f("fk_consents_purpose_id_purposes"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint(
            "client_id", "purpose_id", name=op.f("uq_consents_client_id_purpose_id")
        ),
    )
    op.create_index(op.f("ix_consents_purpose_id"), "consents", ["purpose_id"])

    op.create_table(
        "policies",
        sa.Column("id", big_id, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("company", sa.String(length=120), nullable=False),
        sa.Column("branch", sa.String(length=80), nullable=False),
        sa.Column("product", sa.String(length=160), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("premium", sa.BigInteger(), nullable=True),
        sa.Column("frequency", sa.String(length=20), nullable=False),
        sa.Column("insured", sa.String(length=255), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_policies_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
    )
    op.create_index(op.f("ix_policies_client_id_id"), "policies", ["client_id", "id"])
    op.create_index(op.f("ix_policies_company_id"), "policies", ["company", "id"])
    op.create_index(op.f("ix_policies_end_date_id"), "policies", ["end_date", "id"])
    op.create_index(op.f("ix_policies_number_id"), "policies", ["number", "id"])
    op.create_index(op.f("ix_policies_state_id"), "policies", ["state", "id"])

    op.create_table(
        "sql_fields",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("label", sa.String(length=160), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("is_html", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"],
            ["users.id"],
            name=op.f("fk_sql_fields_created_by_id_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sql_fields")),
        sa.UniqueConstraint("name", name=op.f("uq_sql_fields_name")),
    )
    op.create_table(
        "document_templates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("module", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["stored_files.id"],
            name=op.f("fk_document_templates_file_id_stored_files"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_templates")),
        sa.UniqueConstraint("name", name=op.f("uq_document_templates_name")),
    )
    op.create_index(
        op.f("ix_document_templates_module_kind"), "document_templates", ["module", "kind"]
    )

    op.create_table(
        "instalments",
        sa.Column("id", big_id, nullable=False),
        sa.Column("policy_id", big_id, nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("paid_date", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_instalments_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["policies.id"],
            name=op.f("fk_instalments_policy_id_policies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalments")),
    )
    op.create_index(op.f("ix_instalments_amount_id"), "instalments", ["amount", "id"])
    op.create_index(op.f("ix_instalments_number_id"), "instalments", ["number", "id"])
    op.create_index(
        op.f("ix_instalments_client_id_due_date_id"), "instalments", ["client_id", "due_date", "id"]
    )
    op.create_index(op.f("ix_instalments_due_date_id"), "instalments", ["due_date", "id"])
    op.create_index(op.f("ix_instalments_policy_id_id"), "instalments", ["policy_id", "id"])
    op.create_index(
        op.f("ix_instalments_state_due_date_id"), "instalments", ["state", "due_date", "id"]
    )

    op.create_table(
        "mail_templates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("module", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("body_format", sa.String(length=4), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("body_text", sa.Text(), nullable=False),
        sa.Column("purpose_id", sa.Integer(), nullable=True),
        sa.Column("cc", sa.Text(), nullable=False),
        sa.Column("bcc", sa.Text(), nullable=False),
        sa.Column("read_receipt", sa.Boolean(), nullable=False),
        sa.Column("pdf_template_id", sa.Integer(), nullable=True),
        sa.Column("excel_template_id", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"],
            ["users.id"],
            name=op.f("fk_mail_templates_created_by_id_users"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["excel_template_id"],
            ["document_templates.id"],
            name="fk_mail_templates_excel_template_id",
        ),
        sa.ForeignKeyConstraint(
            ["pdf_template_id"],
            ["document_templates.id"],
            name=op.f("fk_mail_templates_pdf_template_id_document_templates"),
        ),
        sa.ForeignKeyConstraint(
            ["purpose_id"], ["purposes.id"], name=op.f("fk_mail_templates_purpose_id_purposes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_templates")),
        sa.UniqueConstraint("name", name=op.f("uq_mail_templates_name")),
    )
    op.create_index(op.f("ix_mail_templates_module_name"), "mail_templates", ["module", "name"])

    op.create_table(
        "mail_template_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("content_id", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["stored_files.id"],
            name=op.f("fk_mail_template_files_file_id_stored_files"),
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["mail_templates.id"],
            name=op.f("fk_mail_template_files_template_id_mail_templates"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_template_files")),
    )
    op.create_table(
        "mail_template_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["mail_templates.id"],
            name=op.f("fk_mail_template_versions_template_id_mail_templates"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_template_versions")),
        sa.UniqueConstraint(
            "template_id", "number", name=op.f("uq_mail_template_versions_template_id_number")
        ),
    )
    op.create_table(
        "message_files",
        sa.Column("id", big_id, nullable=False),
        sa.Column("message_id", big_id, nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["stored_files.id"], name=op.f("fk_message_files_file_id_stored_files")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("fk_message_files_message_id_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_files")),
    )
    op.create_index(op.f("ix_message_files_file_id"), "message_files", ["file_id"])
    op.create_index(op.f("ix_message_files_message_id"), "message_files", ["message_id"])

    _add_drafts()

    _index_words("policies", "policy_search")
    _index_words("instalments", "instalment_search")

    # Not in batch mode: it would drop the tables, and with them what refers to them.
    for column in (
        sa.Column("module", sa.String(length=40), server_default="", nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("cc", sa.Text(), server_default="", nullable=False),
        sa.Column("read_receipt", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("documents", sa.JSON(), nullable=True),
        sa.Column("sql_fields", sa.JSON(), nullable=True),
    ):
        op.add_column("mailings", column)
    _add_reference("purpose_id", "purposes")
    _add_reference("template_id", "mail_templates")
    for column in (
        sa.Column("row_id", big_id, nullable=True),
        sa.Column("to_others", sa.Text(), server_default="", nullable=False),
        sa.Column("receipt_at", sa.DateTime(), nullable=True),
    ):
        op.add_column("messages", column)


def _add_drafts() -> None:
    """Mails from a list while they are being written."""
    op.create_table(
        "mail_drafts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("module", sa.String(length=40), nullable=False),
        sa.Column("row_ids", sa.JSON(), nullable=False),
        sa.Column("origin", sa.String(length=2000), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("mailing_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailing_id"],
            ["mailings.id"],
            name=op.f("fk_mail_drafts_mailing_id_mailings"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["users.id"],
            name=op.f("fk_mail_drafts_owner_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_drafts")),
    )
    op.create_index(op.f("ix_mail_drafts_owner_id_id"), "mail_drafts", ["owner_id", "id"])
    op.create_table(
        "mail_draft_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"],
            ["mail_drafts.id"],
            name=op.f("fk_mail_draft_files_draft_id_mail_drafts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["stored_files.id"], name=op.f("fk_mail_draft_files_file_id_stored_files")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_draft_files")),
    )
    op.create_index(op.f("ix_mail_draft_files_draft_id"), "mail_draft_files", ["draft_id"])
    op.create_index(op.f("ix_mail_draft_files_file_id"), "mail_draft_files", ["file_id"])


def _index_words(table: str, fts: str) -> None:
    """Find parts of words in a table's search text."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        add = f"INSERT INTO {fts} (rowid, words) VALUES (new.id, ' ' || new.search_text);"  # noqa: S608
        remove = (
            f"INSERT INTO {fts} ({fts}, rowid, words) "  # noqa: S608
            "VALUES ('delete', old.id, ' ' || old.search_text);"
        )
        for statement in (
            f"CREATE VIEW {fts}_source AS SELECT id, ' ' || search_text AS words FROM {table}",  # noqa: S608
            f"CREATE VIRTUAL TABLE {fts} USING fts5(words, content='{fts}_source', "
            "content_rowid='id', tokenize='trigram case_sensitive 1', detail=none, columnsize=0)",
            f"CREATE TRIGGER {fts}_insert AFTER INSERT ON {table} BEGIN {add} END",
            f"CREATE TRIGGER {fts}_delete AFTER DELETE ON {table} BEGIN {remove} END",
            f"CREATE TRIGGER {fts}_update AFTER UPDATE OF id, search_text ON {table} "
            "WHEN old.search_text <> new.search_text OR old.id <> new.id "
            f"BEGIN {remove} {add} END",
        ):
            op.execute(statement)
        return
    index = f"CREATE INDEX ix_{table}_search_text ON {table} USING gin (search_text gin_trgm_ops)"
    try:
        with connection.begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            op.execute(index)
    except sa.exc.DBAPIError:
        log.warning(
            "PostgreSQL does not let CTM's user create the extension pg_trgm: searches in %s "
            "will read the whole table. Let an administrator of the database run "
            "“CREATE EXTENSION pg_trgm” and then “%s”.",
            table,
            index,
        )


def _add_reference(name: str, table: str) -> None:
    """A column of mailings that refers to another table; SQLite takes both only together."""
    if op.get_bind().dialect.name == "sqlite":
        constraint = f"CONSTRAINT fk_mailings_{name}_{table} REFERENCES {table} (id)"
        op.execute(f"ALTER TABLE mailings ADD COLUMN {name} INTEGER {constraint}")
        return
    op.add_column("mailings", sa.Column(name, sa.Integer(), nullable=True))
    op.create_foreign_key(f"fk_mailings_{name}_{table}", "mailings", table, [name], ["id"])


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for fts in ("policy_search", "instalment_search"):
            for name in ("insert", "delete", "update"):
                op.execute(f"DROP TRIGGER {fts}_{name}")
            op.execute(f"DROP TABLE {fts}")
            op.execute(f"DROP VIEW {fts}_source")
    for name in ("receipt_at", "to_others", "row_id"):
        op.drop_column("messages", name)
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("mailings") as mailings:
            mailings.drop_column("template_id")
            mailings.drop_column("purpose_id")
    else:
        op.drop_column("mailings", "template_id")
        op.drop_column("mailings", "purpose_id")
    for name in ("sql_fields", "documents", "read_receipt", "cc", "template_version", "module"):
        op.drop_column("mailings", name)
    op.drop_index(op.f("ix_mail_draft_files_file_id"), table_name="mail_draft_files")
    op.drop_index(op.f("ix_mail_draft_files_draft_id"), table_name="mail_draft_files")
    op.drop_table("mail_draft_files")
    op.drop_index(op.f("ix_mail_drafts_owner_id_id"), table_name="mail_drafts")
    op.drop_table("mail_drafts")
    op.drop_index(op.f("ix_message_files_message_id"), table_name="message_files")
    op.drop_index(op.f("ix_message_files_file_id"), table_name="message_files")

    op.drop_table("message_files")
    op.drop_table("mail_template_versions")
    op.drop_table("mail_template_files")
    op.drop_index(op.f("ix_mail_templates_module_name"), table_name="mail_templates")

    op.drop_table("mail_templates")
    op.drop_index(op.f("ix_instalments_number_id"), table_name="instalments")
    op.drop_index(op.f("ix_instalments_amount_id"), table_name="instalments")
    op.drop_index(op.f("ix_instalments_state_due_date_id"), table_name="instalments")
    op.drop_index(op.f("ix_instalments_policy_id_id"), table_name="instalments")
    op.drop_index(op.f("ix_instalments_due_date_id"), table_name="instalments")
    op.drop_index(op.f("ix_instalments_client_id_due_date_id"), table_name="instalments")

    op.drop_table("instalments")
    op.drop_index(op.f("ix_document_templates_module_kind"), table_name="document_templates")

    op.drop_table("document_templates")
    op.drop_table("sql_fields")
    op.drop_index(op.f("ix_policies_state_id"), table_name="policies")
    op.drop_index(op.f("ix_policies_number_id"), table_name="policies")
    op.drop_index(op.f("ix_policies_end_date_id"), table_name="policies")
    op.drop_index(op.f("ix_policies_company_id"), table_name="policies")
    op.drop_index(op.f("ix_policies_client_id_id"), table_name="policies")

    op.drop_table("policies")
    op.drop_index(op.f("ix_consents_purpose_id"), table_name="consents")

    op.drop_table("consents")
    op.drop_index(op.f("ix_consent_events_client_id_id"), table_name="consent_events")

    op.drop_table("consent_events")
    op.drop_table("purposes")
