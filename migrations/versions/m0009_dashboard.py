"""Lost attempts of trials, what lists show of jobs that have ended, and indexes for those lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

#: As core.jobs.summary does, from the ranking of a job.
_SUMMARY = """
UPDATE jobs SET summary = jsonb_build_object(
    'criterion', coalesce(spec #>> '{scoring,criterion}', 'rotation'),
    'best', (
        SELECT jsonb_build_object('name', e->'name', 'score', e->'score',
                                  'error', e->'standard_error', 'at', e->'iterations')
        FROM jsonb_array_elements(ranking) WITH ORDINALITY AS entry(e, place)
        WHERE e->>'origin' <> 'baseline' AND e->>'collapsed' = 'false' ORDER BY place LIMIT 1
    ),
    'baseline', (
        SELECT jsonb_build_object('name', e->'name', 'score', e->'score',
                                  'error', e->'standard_error', 'at', e->'iterations')
        FROM jsonb_array_elements(ranking) WITH ORDINALITY AS entry(e, place)
        WHERE e->>'origin' = 'baseline' AND e->>'collapsed' = 'false' ORDER BY place LIMIT 1
    ),
    'evidence', policy #> '{selection,evidence,level}'
) WHERE ranking IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("trials", sa.Column("lost", JSONB(none_as_null=True), nullable=True))
    op.add_column("jobs", sa.Column("summary", JSONB(none_as_null=True), nullable=True))
    op.execute(_SUMMARY)
    op.create_index("ix_jobs_owner_name", "jobs", ["owner", "name"])
    op.create_index("ix_jobs_owner_state_id", "jobs", ["owner", "state", "id"])


def downgrade() -> None:
    op.drop_index("ix_jobs_owner_state_id", "jobs")
    op.drop_index("ix_jobs_owner_name", "jobs")
    op.drop_column("jobs", "summary")
    op.drop_column("trials", "lost")
