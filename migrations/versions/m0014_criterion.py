"""Jobs that were stored without a criterion ranked by rotation, which is no longer the default."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """UPDATE jobs SET spec = jsonb_set(spec, '{scoring,criterion}', '"rotation"')
        WHERE spec ? 'scoring' AND NOT spec->'scoring' ? 'criterion'"""
    )


def downgrade() -> None:
    """What is said stays true in older releases."""
