"""add sender check: what DNS says of an account's domain

Revision ID: 20261122_add_sender_check
Revises: 20261122_create_tables
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_add_sender_check"
down_revision = "20261122_create_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "smtp_accounts",
        sa.Column("dkim_selector", sa.String(length=63), nullable=False, server_default=""),
    )
    op.add_column("smtp_accounts", sa.Column("dns_checked_at", sa.DateTime(), nullable=True))
    op.add_column("smtp_accounts", sa.Column("dns_report", sa.JSON(), nullable=True))


def downgrade() -> None:
    # Not in batch mode: it would drop the table, and with it what refers to it.
    for name in ("dns_report", "dns_checked_at", "dkim_selector"):
        op.drop_column("smtp_accounts", name)
