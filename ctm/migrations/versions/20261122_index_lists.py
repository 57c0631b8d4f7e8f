"""index lists: parts of words in clients' search text, the orders of long lists

Revision ID: 20261122_index_lists
Revises: 20261122_add_pace
"""

import logging

import sqlalchemy as sa
from alembic import op

revision = "20261122_index_lists"
down_revision = "20261122_add_pace"
branch_labels = None
depends_on = None

log = logging.getLogger("alembic.runtime.migration")

REPLACED = ("email1", "created_at", "city")
ADDED = ("email1", "created_at", "city", "profession", "kind")
SQLITE = (
    "CREATE VIEW client_search_source AS SELECT id, ' ' || search_text AS words FROM clients",
    "CREATE VIRTUAL TABLE client_search USING fts5(words, content='client_search_source', "
    "content_rowid='id', tokenize='trigram case_sensitive 1', detail=none, columnsize=0)",
    "CREATE TRIGGER client_search_insert AFTER INSERT ON clients BEGIN "
    "INSERT INTO client_search (rowid, words) VALUES (new.id, ' ' || new.search_text); END",
    "CREATE TRIGGER client_search_delete AFTER DELETE ON clients BEGIN "
    "INSERT INTO client_search (client_search, rowid, words) "
    "VALUES ('delete', old.id, ' ' || old.search_text); END",
    "CREATE TRIGGER client_search_update AFTER UPDATE OF id, search_text ON clients "
    "WHEN old.search_text <> new.search_text OR old.id <> new.id BEGIN "
    "INSERT INTO client_search (client_search, rowid, words) "
    "VALUES ('delete', old.id, ' ' || old.search_text); "
    "INSERT INTO client_search (rowid, words) VALUES (new.id, ' ' || new.search_text); END",
    "INSERT INTO client_search (client_search) VALUES ('rebuild')",
)


def upgrade() -> None:
    for name in REPLACED:
        op.drop_index(f"ix_clients_{name}", table_name="clients")
    for name in ADDED:
        op.create_index(f"ix_clients_{name}_id", "clients", [name, "id"])
    for name in ("opened_at", "removed_at"):
        happened = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_messages_{name}",
            "messages",
            ["campaign_id", name, "id"],
            sqlite_where=happened,
            postgresql_where=happened,
        )
    op.create_index("ix_campaign_members_campaign_id_id", "campaign_members", ["campaign_id", "id"])
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(statement)
        return
    try:
        with connection.begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            op.execute(
                "CREATE INDEX ix_clients_search_text ON clients "
                "USING gin (search_text gin_trgm_ops)"
            )
    except sa.exc.DBAPIError:
        log.warning(
            "PostgreSQL does not let CTM's user create the extension pg_trgm: searches for "
            "clients will read the whole table. Let an administrator of the database run "
            "“CREATE EXTENSION pg_trgm” and then “CREATE INDEX ix_clients_search_text ON clients "
            "USING gin (search_text gin_trgm_ops)”."
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER client_search_{name}")
        op.execute("DROP TABLE client_search")
        op.execute("DROP VIEW client_search_source")
    else:
        op.execute("DROP INDEX IF EXISTS ix_clients_search_text")
    op.drop_index("ix_campaign_members_campaign_id_id", table_name="campaign_members")
    for name in ("opened_at", "removed_at"):
        op.drop_index(f"ix_messages_{name}", table_name="messages")
    for name in ADDED:
        op.drop_index(f"ix_clients_{name}_id", table_name="clients")
    for name in REPLACED:
        op.create_index(f"ix_clients_{name}", "clients", [name])
