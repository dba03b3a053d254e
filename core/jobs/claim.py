"""The life of a trial on a worker: claim, heartbeat, outcome.

A claim gives a lease with a token. Whoever holds the token may report; a report with an old token
finds no row and is dropped without an error.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.jobs.advance import advance
from core.jobs.create import find_job
from core.jobs.elapsed import elapsed_seconds
from core.jobs.specs import spec_for
from core.jobs.starting import dataset_of
from core.jobs.totals import add
from core.jobs.twins import set_free
from core.lifecycle import ENDING_JOBS, OPEN_JOBS
from core.policies.schema import Policy
from core.pretraining.spec import FINAL, SOURCE, TrialSpec
from core.search.spec import SearchSpec
from core.settings import Settings
from core.store.tables import CandidateRow, Dataset, Job, Trial
from core.store.transitions import take, transition


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


#: What of a trial its worker is told.
_TOLD = (
    Trial.job_id, Trial.candidate_key, Trial.seed, Trial.iterations, Trial.schedule_iterations,
    Trial.resume_from, Trial.task, Trial.payload,
)  # fmt: skip


def claim(session: Session, trial_id: str, worker: str, settings: Settings) -> ClaimedTrial | None:
    """Take a queued trial; None if it is not to be had: a duplicate delivery, or a job that is
    paused, ending or gone.

    The job is not locked, so that workers need not wait for one another. Whoever ends it withdraws
    what is queued, and finds the row of this trial either still queued or running.
    """
    about = session.execute(
        select(Job.id, Job.state, Job.owner, Job.request_id, CandidateRow.policy, Dataset.digest)
        .join(Trial, Trial.job_id == Job.id)
        .join(
            CandidateRow,
            (CandidateRow.job_id == Job.id) & (CandidateRow.key == Trial.candidate_key),
        )
        .join(Dataset, Dataset.id == Job.dataset_id)
        .where(Trial.id == trial_id)
    ).one_or_none()
    if about is None or about.state not in OPEN_JOBS:
        return None
    if about.state == "queued":  # before the row of the trial is locked
        # Of queued jobs only: one that was paused since would be running again.
        begins = (Job.id == about.id, Job.state == "queued")
        transition(session, Job, "running", *begins, started_at=func.now())
    token = secrets.token_hex(16)
    is_open = select(Job.id).where(Job.id == Trial.job_id, Job.state.in_(OPEN_JOBS)).exists()
    trial = take(
        session, Trial, "running", Trial.id == trial_id, is_open, returning=_TOLD,
        lease_token=token, worker=worker, attempt=Trial.attempt + 1, progress=0,
        started_at=func.now(), heartbeat_at=func.now(), reason=None, message=None, log_tail=None,
        fingerprint=None,  # which it may have from an earlier attempt, or as it waited
        lease_expires_at=func.now() + timedelta(seconds=settings.lease_seconds),
    )  # fmt: skip
    if trial is None:
        return None
    search = spec_for(session, about.id)
    digest: str = about.digest
    if trial.task.startswith(SOURCE):
        digest = dataset_of(session, find_job(session, about.id), search, trial.task).digest
    return ClaimedTrial(
        id=trial_id,
        job_id=about.id,
        owner=about.owner,
        token=token,
        candidate=trial.candidate_key,
        policy=Policy.model_validate(about.policy),
        dataset_digest=digest,
        spec=TrialSpec(
            pretraining=search.pretraining,
            scoring=search.scoring,
            seed=trial.seed,
            iterations=trial.iterations,
            schedule_iterations=trial.schedule_iterations,
            resume_from=trial.resume_from,
            task=trial.task,
            payload=trial.payload,
        ),
        # What is pretrained after the selection is beyond the budget of the search.
        seconds_left=None if trial.task == FINAL else _seconds_left(session, about.id, search),
        request_id=about.request_id,
    )


def _seconds_left(session: Session, job_id: str, search: SearchSpec) -> float | None:
    if search.budget.seconds is None:
        return None
    now = session.execute(select(func.clock_timestamp())).scalar_one()
    return search.budget.seconds - elapsed_seconds(find_job(session, job_id), now)


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
    *,
    sums: dict[str, float] | None = None,
    **values: Any,
) -> list[str]:
    job_state = _lock_job(session, claimed.job_id)
    ended = take(
        session, Trial, state, Trial.id == claimed.id, Trial.lease_token == claimed.token,
        returning=(Trial.fingerprint,), lease_token=None, lease_expires_at=None, **values,
    )  # fmt: skip
    if ended is None:
        return []
    due = advance(session, claimed.job_id, locked_in=job_state)
    due += set_free(session, ended.fingerprint)
    if sums:
        # Last: trials of all jobs wait for one another here.
        add(session, claimed.spec.task.split("/", 1)[0], **sums)
    return due


def complete(session: Session, claimed: ClaimedTrial, outcome: dict[str, Any]) -> list[str]:
    """Record a result, and the final encoder if it is one, and move the job on; a late result is
    dropped.

    Returns:
        Ids of trials to dispatch.
    """
    if "encoder" in outcome:
        _lock_job(session, claimed.job_id)
        held = (Trial.id == claimed.id, Trial.lease_token == claimed.token)
        session.execute(
            update(Job)
            .where(Job.id == claimed.job_id, select(Trial.id).where(*held).exists())
            .values(encoder={**outcome["encoder"], "policy": claimed.policy.name})
            .execution_options(synchronize_session=False)
        )
    return _finish(
        session, claimed, "completed", sums=_sums(claimed, outcome),
        score=outcome.get("score"), sampling_error=outcome.get("sampling_error"),
        held_out=outcome.get("held_out"), collapsed=outcome.get("collapsed"),
        metrics=outcome["metrics"], curve=outcome.get("curve"), log_tail=None,
        iterations_run=outcome["iterations_run"], provenance=outcome.get("provenance"),
        **({"fingerprint": outcome["fingerprint"]} if "fingerprint" in outcome else {}),
        progress=claimed.spec.iterations,
        seconds=outcome["pretraining_seconds"] + outcome["scoring_seconds"],
        finished_at=func.now(),
    )  # fmt: skip


def _sums(claimed: ClaimedTrial, outcome: dict[str, Any]) -> dict[str, float]:
    """What a result adds to `core.jobs.totals`."""
    iterations = outcome["iterations_run"]
    images = iterations * claimed.spec.pretraining.batch_size
    return {
        "completed_trials": 1.0, "iterations": iterations, "images": images,
        "pretraining_seconds": outcome["pretraining_seconds"],
        "scoring_seconds": outcome["scoring_seconds"],
    }  # fmt: skip


def fail(
    session: Session,
    claimed: ClaimedTrial,
    reason: str,
    message: str,
    log_tail: str | None = None,
) -> list[str]:
    """Record a failure that a retry would repeat, and move the job on."""
    return _finish(
        session, claimed, "failed",
        reason=reason, message=message, log_tail=log_tail, finished_at=func.now(),
    )  # fmt: skip


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
    if state not in ENDING_JOBS and (again := take(
        session, Trial, "queued", Trial.id == claimed.id, Trial.lease_token == claimed.token,
        Trial.attempt < settings.max_attempts, returning=(Trial.fingerprint,),
        lease_token=None, lease_expires_at=None, worker=None, reason=reason, message=message,
    )):  # fmt: skip
        own = [claimed.id] if state in OPEN_JOBS else []
        return list(dict.fromkeys([*own, *set_free(session, again.fingerprint)]))
    return _finish(
        session, claimed, "crashed", reason=reason, message=message, finished_at=func.now()
    )


def hand_back(session: Session, claimed: ClaimedTrial) -> list[str]:
    """Return a trial to the queue: the worker is shutting down. It does not count as an attempt.
    A job that is ending does not wait for it to be taken up again.

    Returns:
        The id of the trial, to dispatch again.
    """
    state = _lock_job(session, claimed.job_id)
    if state in ENDING_JOBS:
        message = "The job was ending as its worker shut down."
        return stop(session, claimed, ENDING_JOBS[state], message)
    again = take(
        session, Trial, "queued", Trial.id == claimed.id, Trial.lease_token == claimed.token,
        returning=(Trial.fingerprint,),
        lease_token=None, lease_expires_at=None, worker=None, attempt=Trial.attempt - 1,
    )  # fmt: skip
    if again is None:
        return []
    return list(dict.fromkeys([claimed.id, *set_free(session, again.fingerprint)]))
