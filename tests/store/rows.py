"""Rows to begin a test with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from core.jobs.advance import advance, is_due
from core.jobs.claim import ClaimedTrial, claim
from core.jobs.create import create_job
from core.jobs.result import record
from core.settings import Settings
from core.store.database import session_scope, statement_scope
from core.store.tables import Dataset, Trial, new_id
from quarterturn.pretrain.outcome import Outcome
from tests.conftest import TINY_SEARCH


def make_dataset() -> str:
    """A dataset without files."""
    dataset = Dataset(
        id=new_id("ds"),
        name="images",
        state="ready",
        digest="d" * 64,
        resolution=28,
        files=9,
        images=9,
        splits={},
        mean=[],
        std=[],
        skipped_reasons={},
        skipped=[],
    )
    with session_scope() as session:
        session.add(dataset)
    return dataset.id


def make_job(settings: Settings, **search: Any) -> tuple[str, list[str]]:
    """A job and its queued trials."""
    body = {"dataset_id": make_dataset(), **TINY_SEARCH, **search}
    with session_scope() as session:
        job, due = create_job(session, body, settings)
    return job.id, due


def trial(trial_id: str) -> Trial:
    """The trial as it is now."""
    with session_scope() as session:
        return session.get_one(Trial, trial_id)


def outcome(score: float = 0.5) -> Outcome:
    """What a worker reports."""
    return Outcome(
        iterations_run=4,
        pretraining_seconds=0.1,
        scoring_seconds=0.1,
        metrics={},
        score=score,
        sampling_error=0.01,
        collapsed=False,
        curve=[],
    )


def take(settings: Settings, trial_id: str, worker: str = "w") -> ClaimedTrial:
    """A trial that is to be had, taken as a worker takes it."""
    with statement_scope() as session:
        found = claim(session, trial_id, worker, settings)
    assert found is not None
    return found


def somebody_waits_for_a_row() -> bool:
    """Whether a statement of the database waits for a lock."""
    with session_scope() as session:
        return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def complete(taken: ClaimedTrial, found: Outcome) -> list[str]:
    """Report a result as a worker does; ids of the trials that follow."""
    with session_scope() if found.encoder is not None else statement_scope() as session:
        if not record(session, taken, found):
            return []
    with statement_scope() as session:
        if not is_due(session, taken.job_id):
            return []
    with session_scope() as session:
        return advance(session, taken.job_id)
