"""Of equal trials one runs at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INDEX = "uq_trials_fingerprint_running"


def upgrade() -> None:
    # Until now a fingerprint was written with the result, so none that runs has one.
    running = sa.text("state = 'running'")
    op.create_index(_INDEX, "trials", ["fingerprint"], unique=True, postgresql_where=running)


def downgrade() -> None:
    op.drop_index(_INDEX, "trials")
