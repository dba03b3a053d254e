"""The queues that a worker takes trials from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("queues", JSONB(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("workers", "queues")
