"""Trials of one state in the order of their numbers, for listings of large jobs."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BY_STATE, _BY_STATE_AND_NUMBER = "ix_trials_job_id_state", "ix_trials_job_id_state_number"


def upgrade() -> None:
    op.create_index(_BY_STATE_AND_NUMBER, "trials", ["job_id", "state", "number"])
    op.drop_index(_BY_STATE, "trials")


def downgrade() -> None:
    op.create_index(_BY_STATE, "trials", ["job_id", "state"])
    op.drop_index(_BY_STATE_AND_NUMBER, "trials")
