"""API keys, and the owner of datasets and jobs; what there is already belongs to `local`."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _moment(name: str, *, now: bool = False) -> sa.Column[datetime]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not now, server_default=default)


def upgrade() -> None:
    for table in ("datasets", "jobs"):
        op.add_column(
            table, sa.Column("owner", sa.String(length=64), nullable=False, server_default="local")
        )
        op.alter_column(table, "owner", server_default=None)
        op.create_index(f"ix_{table}_owner", table, ["owner"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scopes", JSONB(), nullable=False),
        _moment("created_at", now=True),
        _moment("expires_at"),
        _moment("revoked_at"),
        _moment("last_used_at"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index("ix_api_keys_owner", "api_keys", ["owner"])


def downgrade() -> None:
    op.drop_table("api_keys")
    for table in ("jobs", "datasets"):
        op.drop_index(f"ix_{table}_owner", table)
        op.drop_column(table, "owner")
