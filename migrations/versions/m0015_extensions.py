"""Notes and tags of jobs; what one asks for may be raised, in it or in a job that extends it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("notes", sa.Text(), nullable=False, server_default=""))
    tags = sa.Column("tags", JSONB(none_as_null=True), nullable=False, server_default="[]")
    op.add_column("jobs", tags)
    op.add_column("jobs", sa.Column("extends", sa.String(32), nullable=True))
    op.add_column("jobs", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    for name in ("revision", "extends", "tags", "notes"):
        op.drop_column("jobs", name)
