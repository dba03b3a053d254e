"""The life of a trial on a worker: claim, heartbeat, and how it ends without a result
(`core.jobs.result` has those with one).

A claim gives a lease with a token. Whoever holds the token may report; a report with an old token
finds no row and is dropped without an error.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Interval, Row, bindparam, func, select, text, update
from sqlalchemy.orm import Session

from core.jobs.advance import advance
from core.jobs.create import find_job
from core.jobs.elapsed import elapsed_between
from core.jobs.specs import spec_for
from core.jobs.starting import dataset_of
from core.jobs.twins import running_twin, set_free
from core.lifecycle import ENDING_JOBS, OPEN_JOBS
from core.settings import Settings
from core.store.database import UNHURRIED
from core.store.schema import head
from core.store.tables import Base, Job, Trial
from core.store.transitions import may_become, transition
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.spec import FINAL, SOURCE, TrialSpec
from quarterturn.search.spec import SearchSpec


@dataclass(frozen=True)
class ClaimedTrial:
    """All that a worker needs to know: `seconds_left` of the job's budget, if it has one, and the
    request that the job came with.
    """

    id: str
    job_id: str
    owner: str
    token: str
    candidate: str
    policy: Policy
    dataset_digest: str
    spec: TrialSpec
    seconds_left: float | None
    request_id: str | None = None


def _lock_job(session: Session, job_id: str | None) -> str | None:
    """The job's row first: every writer of a job's trials takes the locks in this order.

    Returns:
        The state of the job.
    """
    return session.scalar(select(Job.state).where(Job.id == job_id).with_for_update())


# Made once: thousands of claims a minute differ in nothing but what is bound.
_trials, _jobs = Base.metadata.tables["trials"].c, Base.metadata.tables["jobs"].c
_candidates, _datasets = Base.metadata.tables["candidates"].c, Base.metadata.tables["datasets"].c
_TAKE = (
    update(Base.metadata.tables["trials"])
    .where(
        _trials.id == bindparam("trial_id"),
        may_become("trials", "running"),
        _jobs.id == _trials.job_id,
        _jobs.state == "running",
        _candidates.job_id == _trials.job_id,
        _candidates.key == _trials.candidate_key,
        _datasets.id == _jobs.dataset_id,
        # A release takes nothing from a database that is no longer, or not yet, its own.
        text("(SELECT version_num FROM alembic_version) = :release_schema"),
    )
    .values(
        state="running",
        lease_token=bindparam("token"),
        worker=bindparam("by"),
        progress=0,
        attempt=_trials.attempt + 1,
        started_at=func.now(),
        heartbeat_at=func.now(),
        lease_expires_at=func.now() + bindparam("lease", type_=Interval),
        reason=None,
        message=None,
        log_tail=None,
        fingerprint=None,  # which it may have from an earlier attempt, or as it waited
    )
    .returning(
        _trials.job_id,
        _trials.candidate_key,
        _trials.seed,
        _trials.iterations,
        _trials.schedule_iterations,
        _trials.resume_from,
        _trials.task,
        _trials.payload,
        _candidates.policy,
        _datasets.digest,
        _jobs.owner,
        _jobs.request_id,
        _jobs.started_at.label("job_started_at"),
        _jobs.paused_at,
        _jobs.finished_at,
        _jobs.paused_seconds,
        _jobs.revision,
        func.clock_timestamp().label("now"),
        UNHURRIED,
    )
)


# Most claims that get nothing are of a trial that somebody has: that is seen without a write.
_STATE_OF_JOB = (
    select(_jobs.state)
    .join(Base.metadata.tables["trials"], _trials.job_id == _jobs.id)
    .where(_trials.id == bindparam("trial_id"), _trials.state == "queued")
)


def _begun(session: Session, trial_id: str) -> bool:
    """Whether the job of a queued trial runs; it is brought from queued to running, by whoever is
    the first to take a trial of it.
    """
    state = session.scalar(_STATE_OF_JOB, {"trial_id": trial_id})
    if state == "queued":
        job_id = select(Trial.job_id).where(Trial.id == trial_id).scalar_subquery()
        # Of queued jobs only: one that was paused since would be running again.
        begins = (Job.id == job_id, Job.state == "queued")
        transition(session, Job, "running", *begins, started_at=func.now())
    return state in ("queued", "running")


def claim(session: Session, trial_id: str, worker: str, settings: Settings) -> ClaimedTrial | None:
    """Take a queued trial; None if it is not to be had: a duplicate delivery, or a job that is
    paused, ending or gone. One statement, but for the first trials of a job.

    The job is not locked, so that workers need not wait for one another. Whoever ends it withdraws
    what is queued, and finds the row of this trial either still queued or running.
    """
    token = secrets.token_hex(16)
    values = {
        "trial_id": trial_id,
        "token": token,
        "by": worker,
        "lease": timedelta(seconds=settings.lease_seconds),
        "release_schema": head(),
    }
    taken = session.execute(_TAKE, values).one_or_none()
    if taken is None and _begun(session, trial_id):
        taken = session.execute(_TAKE, values).one_or_none()
    if taken is None:
        return None
    search = spec_for(session, taken.job_id, taken.revision)
    digest: str = taken.digest
    if taken.task.startswith(SOURCE):
        digest = dataset_of(session, find_job(session, taken.job_id), search, taken.task).digest
    return ClaimedTrial(
        id=trial_id,
        job_id=taken.job_id,
        owner=taken.owner,
        token=token,
        candidate=taken.candidate_key,
        policy=Policy.model_validate(taken.policy),
        dataset_digest=digest,
        spec=TrialSpec(
            pretraining=search.pretraining,
            scoring=search.scoring,
            seed=taken.seed,
            iterations=taken.iterations,
            schedule_iterations=taken.schedule_iterations,
            resume_from=taken.resume_from,
            task=taken.task,
            payload=taken.payload,
        ),
        # What is pretrained after the selection is beyond the budget of the search.
        seconds_left=None if taken.task == FINAL else _seconds_left(taken, search),
        request_id=taken.request_id,
    )


def _seconds_left(taken: Row[Any], search: SearchSpec) -> float | None:
    if search.budget.seconds is None:
        return None
    return search.budget.seconds - elapsed_between(
        taken.job_started_at,
        taken.paused_at or taken.finished_at or taken.now,
        taken.paused_seconds,
    )


def heartbeat(
    session: Session,
    claimed: ClaimedTrial,
    progress: int,
    settings: Settings,
    log_tail: str | None = None,
) -> str:
    """Renew the lease, and keep what was logged last, for the case that the worker dies.

    Args:
        log_tail: None if nothing was logged since it was last sent.

    Returns:
        `go on`, `cancelled` (the job was), or `lost` (the lease went to somebody else).
    """
    renewed = session.execute(
        update(Trial)
        .where(Trial.id == claimed.id, Trial.lease_token == claimed.token, Trial.state == "running")
        .values(
            progress=progress,
            **({} if log_tail is None else {"log_tail": log_tail}),
            heartbeat_at=func.now(),
            lease_expires_at=func.now() + timedelta(seconds=settings.lease_seconds),
        )
        .returning(Trial.job_id)
    ).one_or_none()
    if renewed is None:
        return "lost"
    state = session.scalar(select(Job.state).where(Job.id == claimed.job_id))
    return "cancelled" if state in ("cancelling", "cancelled") else "go on"


def _finish(
    session: Session,
    claimed: ClaimedTrial,
    state: str,
    **values: Any,
) -> list[str]:
    _lock_job(session, claimed.job_id)
    changed = transition(
        session,
        Trial,
        state,
        Trial.id == claimed.id,
        Trial.lease_token == claimed.token,
        lease_token=None,
        lease_expires_at=None,
        **values,
    )
    if not changed:
        return []
    return [*advance(session, claimed.job_id), *set_free(session, claimed.id)]


def fail(
    session: Session,
    claimed: ClaimedTrial,
    reason: str,
    message: str,
    log_tail: str | None = None,
) -> list[str]:
    """Record a failure that a retry would repeat, and move the job on."""
    return _finish(
        session,
        claimed,
        "failed",
        reason=reason,
        message=message,
        log_tail=log_tail,
        finished_at=func.now(),
    )


def stop(session: Session, claimed: ClaimedTrial, reason: str, message: str) -> list[str]:
    """Record that a running trial was cancelled, and move the job on."""
    return _finish(
        session, claimed, "cancelled", reason=reason, message=message, finished_at=func.now()
    )


def retry(session: Session, claimed: ClaimedTrial, message: str, settings: Settings) -> list[str]:
    """Queue a trial again that could not be run because the storage did not answer. It counts as an
    attempt; after the last one the trial has crashed.

    Returns:
        Ids of trials to dispatch.
    """
    state = _lock_job(session, claimed.job_id)
    reason = "storage_unavailable"
    if state not in ENDING_JOBS and transition(
        session,
        Trial,
        "queued",
        Trial.id == claimed.id,
        Trial.lease_token == claimed.token,
        Trial.attempt < settings.max_attempts,
        lease_token=None,
        lease_expires_at=None,
        worker=None,
        reason=reason,
        message=message,
    ):
        own = [claimed.id] if state in OPEN_JOBS else []
        return [*own, *set_free(session, claimed.id)]
    return _finish(
        session, claimed, "crashed", reason=reason, message=message, finished_at=func.now()
    )


def hand_back(session: Session, claimed: ClaimedTrial) -> list[str]:
    """Return a trial to the queue: the worker is shutting down. It does not count as an attempt.
    A job that is ending does not wait for it to be taken up again.

    Returns:
        Ids of trials to dispatch: this one again, and those that waited for it.
    """
    state = _lock_job(session, claimed.job_id)
    if state in ENDING_JOBS:
        message = "The job was ending as its worker shut down."
        return stop(session, claimed, ENDING_JOBS[state], message)
    changed = transition(
        session,
        Trial,
        "queued",
        Trial.id == claimed.id,
        Trial.lease_token == claimed.token,
        lease_token=None,
        lease_expires_at=None,
        worker=None,
        attempt=Trial.attempt - 1,
    )
    return [claimed.id, *set_free(session, claimed.id)] if changed else []


def set_aside(session: Session, claimed: ClaimedTrial, fingerprint: str) -> list[str]:
    """Let a trial wait in the queue for the equal one that runs (`core.jobs.twins`), as if it had
    not been taken. A job that is ending does not wait.

    Returns:
        Ids of trials to dispatch: this one, if the other has ended meanwhile.
    """
    state = _lock_job(session, claimed.job_id)
    if state in ENDING_JOBS:
        message = "The job was ending while the trial waited for an equal one."
        return stop(session, claimed, ENDING_JOBS[state], message)
    twin = running_twin(session, fingerprint)
    why: dict[str, str | None] = {"reason": None, "message": None}
    if twin is not None:
        message = f"Waits for the result of the equal trial {twin.id} of job {twin.job_id}."
        why = {"reason": "equal_trial", "message": message}
    changed = transition(
        session,
        Trial,
        "queued",
        Trial.id == claimed.id,
        Trial.lease_token == claimed.token,
        lease_token=None,
        lease_expires_at=None,
        worker=None,
        attempt=Trial.attempt - 1,
        started_at=None,
        dispatched_at=None,
        fingerprint=fingerprint,
        **why,
    )
    return [claimed.id] if changed and twin is None else []
