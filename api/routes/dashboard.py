"""The dashboard of a job: JSON for programs, HTML for browsers, at the same address."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from api.deps import CallerDep, SessionDep
from api.pages.accept import wants_html
from api.pages.job import Place
from api.pages.large import made
from api.pages.made import dashboard_json, job_page
from api.problems import responses
from core.jobs.create import find_job

router = APIRouter(tags=["dashboard"])

Number = Annotated[int, Query(ge=1, le=100_000)]


@router.get(
    "/v1/jobs/{job_id}/dashboard",
    responses={
        200: {
            "description": "State, counts, rungs, best so far, ranking with errors and ties, ETA",
            "content": {"application/json": {}, "text/html": {}},
        },
        **responses(404),
    },
)
def job_dashboard(
    job_id: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    fragment: Annotated[bool, Query(description="HTML without the frame, for copies.")] = False,
    ranking: Annotated[Number, Query(description="Page of the ranking, of the HTML.")] = 1,
    trials: Annotated[Number, Query(description="Page of the trials, of the HTML.")] = 1,
    state: Annotated[
        str | None, Query(max_length=16, description="State of trials, of the HTML.")
    ] = None,
) -> Response:
    """The dashboard of a job; the HTML updates itself while the job runs."""
    job = find_job(session, job_id)
    vary = {"Vary": "Accept"}
    if not fragment and not wants_html(request):
        body = made(session, job, dashboard_json, job_id)
        return Response(body, media_type="application/json", headers=vary)
    place = Place(ranking, trials, state)
    return HTMLResponse(
        made(session, job, job_page, job_id, place, caller, fragment=fragment), headers=vary
    )
