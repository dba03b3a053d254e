"""Moving a job on: after each trial the strategy is asked again, from what is recorded."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.jobs.history import candidates_of, history_of
from core.jobs.specs import LATER, spec_for, spec_of
from core.jobs.starting import started_from
from core.jobs.summary import summary_of
from core.lifecycle import ENDING_JOBS, OPEN_JOBS, active
from core.store.database import UNHURRIED
from core.store.tables import Base, CandidateRow, Dataset, Job, Trial, new_id
from core.store.transitions import transition
from quarterturn.policy.pictures import Pictures
from quarterturn.search.conclusion import SearchedImages, conclude
from quarterturn.search.course import plan
from quarterturn.search.history import TrialRequest
from quarterturn.search.planning import in_rounds, look_now
from quarterturn.search.spec import SearchSpec

_jobs, _trials = Base.metadata.tables["jobs"].c, Base.metadata.tables["trials"].c
_BUSY = (
    select(_trials.id)
    .where(_trials.job_id == _jobs.id, _trials.state.in_(active("trials")))
    .exists()
    .label("busy")
)
_STANDING = select(_jobs.state, _BUSY, _jobs.revision).where(_jobs.id == bindparam("job_id"))
# A lock is written down too, and need not outlive the server.
_STANDING_SHARED = _STANDING.add_columns(UNHURRIED).with_for_update(
    read=True, key_share=True, of=Base.metadata.tables["jobs"]
)


def _insert(session: Session, job: Job, requests: tuple[TrialRequest, ...]) -> list[str]:
    """Queue trials; those that exist already are left alone."""
    candidates = {request.candidate.key: request.candidate for request in requests}
    session.execute(
        insert(CandidateRow).on_conflict_do_nothing(index_elements=["job_id", "key"]),
        [
            {
                "job_id": job.id,
                "key": candidate.key,
                "name": candidate.policy.name,
                "origin": candidate.origin,
                "policy": candidate.policy.to_document(),
                "number": candidate.number,
                "parameters": candidate.parameters,
            }
            for candidate in candidates.values()
        ],
    )
    count = session.scalar(select(func.count()).where(Trial.job_id == job.id)) or 0
    rows = [
        {
            "id": new_id("trial"),
            "job_id": job.id,
            "number": count + place + 1,
            "candidate_key": request.candidate.key,
            "seed": request.seed,
            "iterations": request.iterations,
            "resume_from": request.resume_from,
            "schedule_iterations": request.schedule or request.iterations,
            "task": request.task,
            "payload": request.payload,
            "state": "queued",
            "attempt": 0,
            "progress": 0,
        }
        for place, request in enumerate(requests)
    ]
    session.execute(
        insert(Trial).on_conflict_do_nothing(
            index_elements=["job_id", "task", "candidate_key", "seed", "iterations"]
        ),
        rows,
    )
    return [str(row["id"]) for row in rows]


def _fail(session: Session, job: Job, exhausted: str | None) -> None:
    """End a job in which no candidate was scored, with the cause."""
    ended = session.execute(
        select(Trial.state, Trial.reason, func.count())
        .where(Trial.job_id == job.id)
        .group_by(Trial.state, Trial.reason)
    ).all()
    causes = [(reason, count) for _, reason, count in ended if reason]
    if job.state == "stopping":
        reason = "stopped"
        message = "The job was stopped before any candidate was pretrained and scored."
    elif exhausted and any(state == "completed" for state, _, _ in ended):
        reason = "budget"
        message = (
            f"The budget of {exhausted} ended the search before any candidate was pretrained and "
            "scored. Raise it, or leave it out."
        )
    else:
        reason = "no_completed_trial"
        summary = ", ".join(f"{count} x {cause}" for cause, count in causes) or "none was run"
        message = f"No trial completed ({summary}). See the trials for their messages."
    transition(
        session,
        Job,
        "failed",
        Job.id == job.id,
        reason=reason,
        message=message,
        finished_at=func.now(),
    )


def _conclude(session: Session, job: Job, spec: SearchSpec, exhausted: str | None) -> None:
    """Rank and select; a job without a single completed trial has failed."""
    dataset = session.get_one(Dataset, job.dataset_id)
    concluded = conclude(
        spec,
        candidates_of(session, job.id),
        history_of(session, job),
        SearchedImages(
            dataset.name,
            dataset.digest,
            dataset.images,
            dataset.resolution,
            id=dataset.id,
            pictures=Pictures.model_validate(dataset.pictures),
        ),
        exhausted=exhausted,
        stopped=job.state == "stopping",
        further={"job_id": job.id, **started_from(session, job, spec)},
    )
    if concluded is None:
        _fail(session, job, exhausted)
        return
    ranking, policy = concluded.ranking, concluded.policy
    level = ((policy.selection or {}).get("evidence") or {}).get("level")
    reason, message = None, None
    if job.state == "stopping":
        reason, message = "stopped", "Stopped by request; what had completed is ranked."
    elif exhausted:
        reason, message = "budget", f"The budget of {exhausted} ended the search."
    transition(
        session,
        Job,
        "completed",
        Job.id == job.id,
        ranking=[entry.to_dict() for entry in ranking],
        policy=policy.to_document(),
        summary=summary_of(ranking, spec.scoring.criterion, level),
        reason=reason,
        message=message,
        finished_at=func.now(),
    )


def _end(session: Session, job: Job) -> None:
    """Conclude a job that is being stopped or cancelled, once none of its trials runs."""
    running = select(func.count()).where(Trial.job_id == job.id, Trial.state == "running")
    if session.scalar(running):
        return
    if job.state == "cancelling":
        transition(session, Job, "cancelled", Job.id == job.id, finished_at=func.now())
    else:
        _conclude(session, job, spec_of(job), None)


def _may_change(session: Session, job_id: str, spec: SearchSpec, *, busy: bool) -> bool:
    """Whether the plan may have changed, so that it is worth making.

    Making it reads all of the history: after each of thousands of results that is most of the work.

    Args:
        busy: whether any trial of the job is queued or running.
    """
    if not busy or not in_rounds(spec):
        return True
    if spec.budget.seconds is None:
        return False
    open_ones = Trial.state.in_(active("trials"))
    outstanding, ended = session.execute(
        select(
            func.count(Trial.id).filter(open_ones), func.count(Trial.id).filter(~open_ones)
        ).where(Trial.job_id == job_id)
    ).one()
    return look_now(outstanding, ended)


def advance(session: Session, job_id: str) -> list[str]:
    """Ask the strategy what is next, and queue, withdraw or conclude.

    Calls for one job follow one another (its row is locked), and a call too many changes nothing.

    Returns:
        Ids of trials queued now, to be dispatched after the commit.
    """
    session.execute(select(Job.id).where(Job.id == job_id).with_for_update())
    # In a statement of its own, which sees what was committed before the lock was had.
    found = session.execute(_STANDING, {"job_id": job_id}).one_or_none()
    state, busy, revision = found or ("", True, 0)
    if state in OPEN_JOBS and not _may_change(
        session, job_id, spec_for(session, job_id, revision), busy=busy
    ):
        return []
    if state not in OPEN_JOBS and state not in ENDING_JOBS:
        return []
    # Read afresh: the session may hold the job as it was before the caller changed its state.
    job = session.scalars(
        select(Job)
        .where(Job.id == job_id)
        .options(*LATER)
        .execution_options(populate_existing=True)
    ).one()
    if state in ENDING_JOBS:
        _end(session, job)
        return []
    spec = spec_of(job)
    coming = plan(spec, history_of(session, job))
    if coming.withdraw:
        transition(
            session,
            Trial,
            "cancelled",
            Trial.job_id == job_id,
            Trial.state == "queued",
            reason="budget",
            message="The budget of seconds was spent.",
            finished_at=func.now(),
        )
    if coming.finished:
        _conclude(session, job, spec, coming.exhausted)
        return []
    return _insert(session, job, coming.trials) if coming.trials else []


def is_due(session: Session, job_id: str) -> bool:
    """Whether to advance after a result that is recorded and committed. Most results change no
    plan, and then no lock is held. Of results at the same time the last sees the others.

    It waits for whoever is ending the job, who may not have seen the result.
    """
    found = session.execute(_STANDING_SHARED, {"job_id": job_id}).one_or_none()
    state, busy, revision = found[:3] if found else ("", True, 0)
    if state in OPEN_JOBS:
        return _may_change(session, job_id, spec_for(session, job_id, revision), busy=busy)
    return state in ENDING_JOBS
