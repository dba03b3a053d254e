"""Checkpoints to start from, what trials started from, and the final encoders of jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TASKS = "task IN ('warm_up', 'final') OR task LIKE 'source/%'"


def upgrade() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("encoder", sa.String(length=32), nullable=False),
        sa.Column("tensors", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("source", JSONB(), nullable=False),
        sa.Column("reports", JSONB(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoints")),
    )
    op.create_index(op.f("ix_checkpoints_digest"), "checkpoints", ["digest"], unique=False)
    op.create_index(op.f("ix_checkpoints_owner"), "checkpoints", ["owner"], unique=False)
    op.add_column("jobs", sa.Column("encoder", JSONB(), nullable=True))
    op.add_column("trials", sa.Column("provenance", JSONB(), nullable=True))


def downgrade() -> None:
    op.execute(f"DELETE FROM trials WHERE {_TASKS}")
    op.drop_column("trials", "provenance")
    op.drop_column("jobs", "encoder")
    op.drop_index(op.f("ix_checkpoints_owner"), table_name="checkpoints")
    op.drop_index(op.f("ix_checkpoints_digest"), table_name="checkpoints")
    op.drop_table("checkpoints")
