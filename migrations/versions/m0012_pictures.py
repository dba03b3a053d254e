"""How the files of a dataset became pictures, what is told of them, and whether all are grey."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, default in (("pictures", "{}"), ("notes", "[]")):
        kind = JSONB(none_as_null=True)
        op.add_column("datasets", sa.Column(name, kind, nullable=False, server_default=default))
    op.add_column(
        "datasets", sa.Column("grey", sa.Boolean(), nullable=False, server_default="false")
    )


def downgrade() -> None:
    for name in ("grey", "notes", "pictures"):
        op.drop_column("datasets", name)
