"""Pausing jobs: when, and for how long. The last lines that a trial logged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "jobs", sa.Column("paused_seconds", sa.Float(), nullable=False, server_default="0")
    )
    op.add_column("trials", sa.Column("log_tail", sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute("UPDATE jobs SET state = 'running' WHERE state IN ('paused', 'stopping')")
    op.drop_column("trials", "log_tail")
    op.drop_column("jobs", "paused_seconds")
    op.drop_column("jobs", "paused_at")
