"""add hit spools: how far each server's spool of hits is in the database

Revision ID: 20261122_add_hit_spools
Revises: 20261122_add_sender_check
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_add_hit_spools"
down_revision = "20261122_add_sender_check"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hit_spools",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_hit_spools")),
    )


def downgrade() -> None:
    op.drop_table("hit_spools")
