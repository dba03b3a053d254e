"""/v1/jobs"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import load_only

from api.asked import Created, created
from api.deps import CallerDep, SessionDep
from api.filters import JobState
from api.job_body import JobBody, SearchRoute
from api.job_detail import detail
from api.pages.large import LARGE
from api.paging import After, Limit, newest_first
from api.planned import planned_of
from api.problems import responses
from api.schemas import JobDetail, JobSummary, Page
from core.dispatch import dispatch
from core.jobs.control import cancel_job, pause_job, resume_job, stop_job
from core.jobs.create import find_job
from core.jobs.retention import delete_job
from core.logs import current
from core.store.database import session_scope
from core.store.statistics import trials_were_added
from core.store.tables import Job

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=SearchRoute)

#: What a listing reads: specifications are long.
_SHOWN = tuple(getattr(Job, name) for name in JobSummary.model_fields)


@router.post(
    "",
    status_code=202,
    response_model=JobDetail,
    responses=responses(400, 403, 404, 409, 413, 422, 503),
)
async def create(
    body: JobBody, request: Request, caller: CallerDep, afterwards: BackgroundTasks
) -> Response:
    """Queue a search. All but `dataset_id` has defaults."""
    made: Created = await planned_of(request).call(
        request, caller.owner, created, body, caller.owner, current("request_id")
    )
    if len(made.due) > LARGE:
        afterwards.add_task(trials_were_added)
    # Seconds, of thousands; the sweeper sends what is not sent.
    afterwards.add_task(dispatch, made.due)
    return Response(
        made.detail,
        202,
        {"Location": f"/v1/jobs/{made.job_id}"},
        "application/json",
    )


@router.get("", response_model=Page[JobSummary])
def index(
    session: SessionDep,
    limit: Limit = 50,
    after: After = None,
    state: JobState | None = None,
    tag: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
) -> dict[str, Any]:
    """Jobs, newest first."""
    query = select(Job).options(load_only(*_SHOWN))
    if state is not None:
        query = query.where(Job.state == state)
    if tag is not None:
        query = query.where(Job.tags.contains([tag]))
    return newest_first(session, query, Job, limit, after)


@router.get("/{job_id}", response_model=JobDetail, responses=responses(404))
def read(job_id: str, session: SessionDep) -> JobDetail:
    """A job with its specification."""
    return detail(session, find_job(session, job_id))


@router.delete("/{job_id}", status_code=204, responses=responses(404, 409))
def delete(job_id: str, caller: CallerDep) -> None:
    """Delete an ended job with its trials, its policy and its encoder; the dataset stays."""
    with session_scope(caller.owner) as session:
        delete_job(session, job_id)


@router.post(
    "/{job_id}/cancel", status_code=202, response_model=JobDetail, responses=responses(404, 409)
)
def cancel(job_id: str, caller: CallerDep) -> JobDetail:
    """Cancel a job; running trials stop within seconds. Twice is the same as once."""
    with session_scope(caller.owner) as session:
        return detail(session, cancel_job(session, job_id))


@router.post(
    "/{job_id}/pause", status_code=202, response_model=JobDetail, responses=responses(404, 409)
)
def pause(job_id: str, caller: CallerDep) -> JobDetail:
    """Begin no further trial until the job is resumed; running trials finish."""
    with session_scope(caller.owner) as session:
        return detail(session, pause_job(session, job_id))


@router.post(
    "/{job_id}/resume", status_code=202, response_model=JobDetail, responses=responses(404, 409)
)
def resume(job_id: str, caller: CallerDep) -> JobDetail:
    """Go on with a paused job."""
    with session_scope(caller.owner) as session:
        job, due = resume_job(session, job_id)
        resumed = detail(session, job)
    dispatch(due)
    return resumed


@router.post(
    "/{job_id}/stop", status_code=202, response_model=JobDetail, responses=responses(404, 409)
)
def stop(job_id: str, caller: CallerDep) -> JobDetail:
    """Finish what runs, then rank what was measured and select."""
    with session_scope(caller.owner) as session:
        return detail(session, stop_job(session, job_id))
