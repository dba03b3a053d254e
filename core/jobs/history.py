"""From rows to what strategies and rankings read."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from core.jobs.elapsed import elapsed_seconds
from core.store.tables import CandidateRow, Job, Trial
from quarterturn.policy.schema import Policy
from quarterturn.search.history import (
    VOTES,
    Candidate,
    Entrant,
    History,
    Origin,
    Proposal,
    TrialRecord,
    TrialState,
    vote,
)


def records_of(session: Session, job_id: str, task: str | None = None) -> list[TrialRecord]:
    """All trials of a job, or those of one task, without their curves."""
    columns = (
        Trial.candidate_key,
        Trial.seed,
        Trial.iterations,
        Trial.state,
        Trial.score,
        Trial.sampling_error,
        Trial.collapsed,
        Trial.iterations_run,
        Trial.seconds,
        Trial.task,
        Trial.resume_from,
        Trial.held_out,
        Trial.payload,
        *(Trial.metrics[name].as_float().label(name) for name in VOTES),
        Trial.metrics["rotation_untrained"].as_float().label("untrained"),
        # Criteria are many and long; planning needs what fold and density trials found.
        case((Trial.payload.is_not(None), Trial.metrics), else_=None).label("result"),
    )
    query = select(*columns).where(Trial.job_id == job_id).order_by(Trial.number)
    rows = session.execute(query if task is None else query.where(Trial.task == task))
    return [
        TrialRecord(
            candidate=row.candidate_key,
            seed=row.seed,
            iterations=row.iterations,
            state=cast(TrialState, row.state),
            score=row.score,
            sampling_error=row.sampling_error or 0.0,
            collapsed=bool(row.collapsed),
            iterations_run=row.iterations_run or 0,
            seconds=row.seconds or 0.0,
            task=row.task,
            resume_from=row.resume_from,
            held_out=row.held_out,
            untrained=row.untrained,
            payload=row.payload,
            result=row.result,
            criteria=vote(row._asdict()),
        )
        for row in rows
    ]


def history_of(session: Session, job: Job) -> History:
    """The history that a strategy plans from."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    elapsed = elapsed_seconds(job, now)
    return History(tuple(records_of(session, job.id)), elapsed, proposals_of(session, job.id))


def proposals_of(session: Session, job_id: str) -> tuple[Proposal, ...]:
    """What samplers proposed, in the order of their numbers."""
    rows = session.execute(
        select(CandidateRow.key, CandidateRow.number, CandidateRow.parameters)
        .where(CandidateRow.job_id == job_id, CandidateRow.number.is_not(None))
        .order_by(CandidateRow.number)
    )
    return tuple(Proposal(row.key, row.number, row.parameters or {}) for row in rows)


def candidates_of(session: Session, job_id: str) -> list[Candidate]:
    """The candidates of a job, in the order they were proposed."""
    rows = session.scalars(
        select(CandidateRow).where(CandidateRow.job_id == job_id).order_by(CandidateRow.id)
    )
    return [
        Candidate(row.key, Policy.model_validate(row.policy), cast(Origin, row.origin))
        for row in rows
    ]


def entrants_of(session: Session, job_id: str) -> list[Entrant]:
    """The same without their policies, of which there may be thousands."""
    rows = session.execute(
        select(CandidateRow.key, CandidateRow.name, CandidateRow.origin)
        .where(CandidateRow.job_id == job_id)
        .order_by(CandidateRow.id)
    )
    return [Entrant(row.key, row.name, cast(Origin, row.origin)) for row in rows]
