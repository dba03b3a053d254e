"""Fingerprints of trials, by which equal ones are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trials", sa.Column("fingerprint", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_trials_fingerprint"), "trials", ["fingerprint"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_trials_fingerprint"), table_name="trials")
    op.drop_column("trials", "fingerprint")
