"""add pace: allowed hours of campaigns and mailings, attempts that were followed by another

Revision ID: 20261122_add_pace
Revises: 20261122_add_hit_spools
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_add_pace"
down_revision = "20261122_add_hit_spools"
branch_labels = None
depends_on = None

big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "past_attempts",
        sa.Column("id", big_id, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["smtp_accounts.id"],
            name=op.f("fk_past_attempts_account_id_smtp_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_attempts")),
    )
    op.create_index(op.f("ix_past_attempts_account_id_at"), "past_attempts", ["account_id", "at"])
    op.add_column("campaigns", sa.Column("hours", sa.JSON(), nullable=True))
    op.add_column("mailings", sa.Column("hours", sa.JSON(), nullable=True))


def downgrade() -> None:
    # Not in batch mode: it would drop the tables, and with them what refers to them.
    op.drop_column("mailings", "hours")
    op.drop_column("campaigns", "hours")
    op.drop_index(op.f("ix_past_attempts_account_id_at"), table_name="past_attempts")
    op.drop_table("past_attempts")
