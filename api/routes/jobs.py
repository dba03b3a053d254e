"""/v1/jobs"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select

from api.deps import SessionDep, SettingsDep
from api.job_body import JobBody
from api.paging import After, Limit, newest_first
from api.problems import responses
from api.schemas import JobDetail, JobSummary, Page
from core.dispatch import dispatch
from core.errors import ConflictError
from core.jobs.create import cancel_job, create_job, find_job
from core.store.database import session_scope
from core.store.tables import Job

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


def detail(job: Job) -> JobDetail:
    """A job with its links."""
    base = f"/v1/jobs/{job.id}"
    links = {part: f"{base}/{part}" for part in ("dashboard", "trials", "policy", "cancel")}
    if job.spec.get("final_pretraining") is not None:
        links |= {"encoder": f"{base}/encoder", "encoder_card": f"{base}/encoder/card"}
    return JobDetail.model_validate(job).model_copy(update={"links": {"self": base, **links}})


@router.post("", status_code=202, response_model=JobDetail, responses=responses(400, 404, 409, 422))
def create(body: JobBody, response: Response, settings: SettingsDep) -> JobDetail:
    """Queue a search. All but `dataset_id` has defaults."""
    with session_scope() as session:
        job, due = create_job(session, body, settings)
        session.refresh(job)
        created = detail(job)
    dispatch(due)
    response.headers["Location"] = f"/v1/jobs/{created.id}"
    return created


@router.get("", response_model=Page[JobSummary])
def index(
    session: SessionDep,
    limit: Limit = 50,
    after: After = None,
    state: Annotated[str | None, Query(max_length=16)] = None,
) -> dict[str, Any]:
    """Jobs, newest first."""
    query = select(Job)
    if state is not None:
        query = query.where(Job.state == state)
    return newest_first(session, query, Job, limit, after)


@router.get("/{job_id}", response_model=JobDetail, responses=responses(404))
def read(job_id: str, session: SessionDep) -> JobDetail:
    """A job with its specification."""
    return detail(find_job(session, job_id))


@router.get(
    "/{job_id}/policy",
    responses={200: {"description": "The policy document"}, **responses(404, 409)},
)
def policy(job_id: str, session: SessionDep) -> JSONResponse:
    """The selected policy, ready to be saved as policy.json."""
    job = find_job(session, job_id)
    if job.policy is None:
        missing = {
            "queued": "The search has not begun: no worker has taken a trial yet.",
            "running": "The search is still running.",
            "cancelling": "The search is being cancelled and will select nothing.",
            "cancelled": "The search was cancelled before a policy was selected.",
            "failed": f"The search failed: {job.message}",
        }
        raise ConflictError(
            f"There is no policy yet. {missing.get(job.state, '')} "
            f"See /v1/jobs/{job_id}/dashboard.",
            code="policy_not_ready",
        )
    return JSONResponse(
        job.policy, headers={"Content-Disposition": 'attachment; filename="policy.json"'}
    )


@router.post(
    "/{job_id}/cancel", status_code=202, response_model=JobDetail, responses=responses(404, 409)
)
def cancel(job_id: str) -> JobDetail:
    """Cancel a job; running trials stop within seconds. Twice is the same as once."""
    with session_scope() as session:
        return detail(cancel_job(session, job_id))
