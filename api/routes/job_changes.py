"""PATCH /v1/jobs/{job_id}"""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.deps import CallerDep, SettingsDep
from api.job_changes import JobChanges
from api.job_detail import detail
from api.problems import responses
from api.schemas import JobDetail
from core.dispatch import dispatch
from core.jobs.changing import change_job
from core.store.database import session_scope

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

#: A change of nothing, where there is no body.
_NOTHING = JobChanges()


@router.patch(
    "/{job_id}",
    response_model=JobDetail,
    responses={201: {"model": JobDetail}, **responses(403, 404, 409, 422)},
)
def change(
    job_id: str,
    caller: CallerDep,
    settings: SettingsDep,
    response: Response,
    body: JobChanges = _NOTHING,
) -> JobDetail:
    """Change name, notes and tags, or give a search more to do. One that has ended stays as it is:
    201, with a job that extends it.
    """
    with session_scope(caller.owner) as session:
        job, due = change_job(session, job_id, body.changes(), settings)
        changed = detail(session, job)
    dispatch(due)
    if changed.id != job_id:
        response.status_code = 201
        response.headers["Location"] = f"/v1/jobs/{changed.id}"
    return changed
