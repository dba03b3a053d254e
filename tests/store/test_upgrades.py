"""A database full of jobs, as the first release left it, brought to this one step by step."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text

from core.jobs.create import find_job
from core.jobs.progress import dashboard
from core.jobs.sweep import expire_leases, stalled_jobs
from core.lifecycle import TRIAL
from core.settings import Settings
from core.store.database import get_engine, session_scope
from core.store.schema import alembic_config, check, migrate
from core.store.tables import Job, Trial
from quarterturn.errors import UnavailableError
from quarterturn.policy.recipes import BASELINES
from quarterturn.search.spec import parse_search
from tests.conftest import TINY_SEARCH

#: Those of the first release.
_JOBS = ("queued", "running", "completed", "failed", "cancelled")


def _to(revision: str, *, back: bool = False) -> None:
    config = alembic_config()
    with get_engine().begin() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if back else command.upgrade)(config, revision)


def _insert(connection: Connection, table: str, **values: Any) -> None:
    written = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in values.items()}
    names = ", ".join(written)
    places = ", ".join(f":{name}" for name in written)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), written)


def _fill(connection: Connection) -> None:
    """A dataset, a job in each state, and in each job a trial in each state per baseline."""
    spec = parse_search(dict(TINY_SEARCH)).model_dump(mode="json")
    _insert(
        connection,
        "datasets",
        id="ds_1",
        name="images",
        state="ready",
        digest="d" * 64,
        resolution=28,
        files=9,
        images=9,
        splits={},
        mean=[0.5],
        std=[0.2],
        skipped_reasons={},
        skipped=[],
    )
    policies = [make() for make in BASELINES.values()]
    for state in _JOBS:
        job = f"job_{state}"
        _insert(
            connection,
            "jobs",
            id=job,
            name=state,
            dataset_id="ds_1",
            state=state,
            spec=spec,
            warnings=[],
            started_at=None if state == "queued" else "2026-01-01T00:00:00Z",
            finished_at="2026-01-02T00:00:00Z" if state in _JOBS[2:] else None,
            policy=policies[0].to_document() if state == "completed" else None,
        )
        for place, policy in enumerate(policies):
            key = policy.digest[:16]
            _insert(
                connection,
                "candidates",
                id=_JOBS.index(state) * 100 + place,
                job_id=job,
                key=key,
                name=policy.name,
                origin="baseline",
                policy=policy.to_document(),
            )
            for number, trial in enumerate(TRIAL):
                done = trial == "completed"
                _insert(
                    connection,
                    "trials",
                    id=f"trial_{state}_{place}_{number}",
                    job_id=job,
                    number=place * len(TRIAL) + number + 1,
                    candidate_key=key,
                    seed=number,
                    iterations=4,
                    resume_from=0,
                    state=trial,
                    attempt=1,
                    progress=0,
                    score=0.5 + place / 100 if done else None,
                    collapsed=False if done else None,
                    sampling_error=0.01 if done else None,
                    metrics={} if done else None,
                    iterations_run=4 if done else None,
                    seconds=2.0 if done else None,
                    lease_token="t" if trial == "running" else None,
                    lease_expires_at="2026-01-01T00:00:00Z" if trial == "running" else None,
                )


def _counts(connection: Connection) -> dict[str, int]:
    return {
        table: connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0
        for table in ("datasets", "jobs", "candidates", "trials")
    }


def test_a_database_full_of_jobs_is_brought_here(database: Settings) -> None:
    script = ScriptDirectory.from_config(alembic_config())
    revisions = [r.revision for r in reversed(list(script.walk_revisions()))]
    _to("base", back=True)
    _to(revisions[0])
    with get_engine().begin() as connection:
        _fill(connection)
        before = _counts(connection)
    assert before["trials"] == len(_JOBS) * len(BASELINES) * len(TRIAL)
    for revision in revisions[1:]:
        with pytest.raises(UnavailableError, match="quarterturn migrate") as refused:
            check(get_engine())  # at every step in between
        assert refused.value.code == "schema_mismatch"
        _to(revision)
        with get_engine().connect() as connection:
            assert _counts(connection) == before, revision
    check(get_engine())
    _as_this_release_reads_it(database)
    _to(revisions[0], back=True)
    migrate(get_engine())
    with get_engine().connect() as connection:
        assert _counts(connection) == before


def _as_this_release_reads_it(settings: Settings) -> None:
    count = len(BASELINES)
    with session_scope("local") as session:
        for job in session.scalars(select(Job)):
            view = dashboard(session, find_job(session, job.id))
            assert set(view["counts"].values()) == {count}
            assert len(view["ranking"]) == count
    with session_scope() as session:
        rows = session.execute(text("SELECT name, value FROM totals WHERE kind = 'search'"))
        sums = {row.name: row.value for row in rows}
        completed = count * len(_JOBS)
        assert sums["completed_trials"] == completed
        assert sums["pretraining_seconds"] == 2.0 * completed
        assert sums["images"] == completed * 4 * TINY_SEARCH["pretraining"]["batch_size"]
    # And it goes on: what ran is retried, and nobody waits for what has ended.
    with session_scope() as session:
        due = expire_leases(session, settings)
        states = {t: session.get_one(Trial, t).state for t in due}
        assert set(states.values()) == {"queued"}
        assert stalled_jobs(session) == []
        session.rollback()
