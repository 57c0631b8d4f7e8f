"""index attempts: of each account, only the mails that were tried

Revision ID: 20261122_index_attempts
Revises: 20261122_add_lists
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_index_attempts"
down_revision = "20261122_add_lists"
branch_labels = None
depends_on = None

NAME = "ix_messages_account_id_attempted_at"
COLUMNS = ("account_id", "attempted_at")


def upgrade() -> None:
    tried = sa.text("attempted_at IS NOT NULL")
    op.drop_index(NAME, table_name="messages")
    op.create_index(NAME, "messages", COLUMNS, sqlite_where=tried, postgresql_where=tried)


def downgrade() -> None:
    op.drop_index(NAME, table_name="messages")
    op.create_index(NAME, "messages", COLUMNS)
