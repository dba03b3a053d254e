"""Trials of a job."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import select

from api.deps import SessionDep
from api.filters import TrialState
from api.problems import responses
from api.schemas import Page, TrialDetail, TrialSummary
from core.jobs.create import state_of
from core.store.tables import CandidateRow, Trial
from quarterturn.errors import NotFoundError

router = APIRouter(prefix="/v1", tags=["trials"])

#: What a listing tells; not what is long.
_TOLD = [getattr(Trial, name) for name in TrialSummary.model_fields]


@router.get("/jobs/{job_id}/trials", response_model=Page[TrialSummary], responses=responses(404))
def index(
    job_id: str,
    session: SessionDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="Cursor: a trial's number.")] = 0,
    state: TrialState | None = None,
) -> Response:
    """Trials in the order they were planned."""
    state_of(session, job_id)
    query = select(*_TOLD).where(Trial.job_id == job_id, Trial.number > after)
    if state is not None:
        query = query.where(Trial.state == state)
    rows = session.execute(query.order_by(Trial.number).limit(limit + 1)).all()
    following = str(rows[limit - 1].number) if len(rows) > limit else None
    page = Page[TrialSummary](
        items=[TrialSummary.model_validate(row) for row in rows[:limit]], next=following
    )
    # Not by way of FastAPI, which would check each again.
    return Response(page.model_dump_json(), media_type="application/json")


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
