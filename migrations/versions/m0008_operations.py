"""The request that a job came with; sums over completed trials; memory of the GPUs of workers; an
index for pages of trials.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

#: What completed before is counted as pretraining: the parts were not kept.
_COUNTED = """
INSERT INTO totals (name, kind, value)
SELECT sums.name, done.kind, sums.value
FROM (
    SELECT split_part(trials.task, '/', 1) AS kind, count(*) AS trials,
        coalesce(sum(seconds), 0) AS seconds, coalesce(sum(iterations_run), 0) AS iterations,
        coalesce(sum(iterations_run * (jobs.spec #>> '{pretraining,batch_size}')::numeric), 0)
            AS images
    FROM trials JOIN jobs ON jobs.id = trials.job_id
    WHERE trials.state = 'completed'
    GROUP BY 1
) AS done
CROSS JOIN LATERAL (
    VALUES ('completed_trials', done.trials::float), ('pretraining_seconds', done.seconds::float),
        ('scoring_seconds', 0.0::float), ('iterations', done.iterations::float),
        ('images', done.images::float)
) AS sums (name, value)
"""


def upgrade() -> None:
    op.add_column("jobs", sa.Column("request_id", sa.String(length=64), nullable=True))
    for name in ("device_memory", "device_memory_used"):
        op.add_column("workers", sa.Column(name, sa.BigInteger(), nullable=True))
    op.create_index("ix_trials_job_id_number", "trials", ["job_id", "number"])
    op.create_table(
        "totals",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "kind", name=op.f("pk_totals")),
    )
    op.execute(_COUNTED)


def downgrade() -> None:
    op.drop_table("totals")
    op.drop_index("ix_trials_job_id_number", "trials")
    for name in ("device_memory_used", "device_memory"):
        op.drop_column("workers", name)
    op.drop_column("jobs", "request_id")
