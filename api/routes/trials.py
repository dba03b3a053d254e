"""Trials of a job."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import defer

from api.deps import SessionDep
from api.problems import responses
from api.schemas import Page, TrialDetail, TrialSummary
from core.errors import NotFoundError
from core.jobs.create import find_job
from core.store.tables import CandidateRow, Trial

router = APIRouter(prefix="/v1", tags=["trials"])

#: What a listing leaves out.
_LONG = (Trial.curve, Trial.metrics, Trial.payload, Trial.log_tail)


@router.get("/jobs/{job_id}/trials", response_model=Page[TrialSummary], responses=responses(404))
def index(
    job_id: str,
    session: SessionDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="Cursor: a trial's number.")] = 0,
    state: Annotated[str | None, Query(max_length=16)] = None,
) -> dict[str, Any]:
    """Trials in the order they were planned."""
    find_job(session, job_id)
    query = (
        select(Trial)
        .options(
            defer(Trial.curve), defer(Trial.metrics), defer(Trial.payload), defer(Trial.log_tail)
        )
        .where(Trial.job_id == job_id, Trial.number > after)
        .order_by(Trial.number)
    )
    if state is not None:
        query = query.where(Trial.state == state)
    rows = list(session.scalars(query.limit(limit + 1)))
    following = str(rows[limit - 1].number) if len(rows) > limit else None
    return {"items": rows[:limit], "next": following}


@router.get("/trials/{trial_id}", response_model=TrialDetail, responses=responses(404))
def read(trial_id: str, session: SessionDep) -> TrialDetail:
    """A trial: state, score, learning curve, reason of failure, and its policy."""
    trial = session.get(Trial, trial_id)
    if trial is None:
        raise NotFoundError(f"There is no trial {trial_id}.", code="trial_not_found")
    policy = session.scalar(
        select(CandidateRow.policy).where(
            CandidateRow.job_id == trial.job_id, CandidateRow.key == trial.candidate_key
        )
    )
    return TrialDetail.model_validate(trial).model_copy(update={"policy": policy})
