"""Stages of a search: tasks and payloads of trials, proposals of samplers, held-out scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UNIQUE = "uq_trials_job_id"


def upgrade() -> None:
    op.add_column("candidates", sa.Column("number", sa.Integer(), nullable=True))
    op.add_column("candidates", sa.Column("parameters", JSONB(), nullable=True))
    op.add_column(
        "trials", sa.Column("task", sa.String(length=64), nullable=False, server_default="search")
    )
    op.alter_column("trials", "task", server_default=None)
    op.add_column("trials", sa.Column("payload", JSONB(), nullable=True))
    op.add_column("trials", sa.Column("held_out", sa.Float(), nullable=True))
    op.add_column("trials", sa.Column("schedule_iterations", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE trials SET schedule_iterations = (jobs.spec ->> 'iterations')::integer "
        "FROM jobs WHERE jobs.id = trials.job_id"
    )
    op.alter_column("trials", "schedule_iterations", nullable=False)
    op.drop_constraint(_UNIQUE, "trials", type_="unique")
    op.create_unique_constraint(
        _UNIQUE, "trials", ["job_id", "task", "candidate_key", "seed", "iterations"]
    )


def downgrade() -> None:
    op.execute("DELETE FROM trials WHERE task <> 'search'")
    op.drop_constraint(_UNIQUE, "trials", type_="unique")
    op.create_unique_constraint(
        _UNIQUE, "trials", ["job_id", "candidate_key", "seed", "iterations"]
    )
    for column in ("schedule_iterations", "held_out", "payload", "task"):
        op.drop_column("trials", column)
    for column in ("parameters", "number"):
        op.drop_column("candidates", column)
