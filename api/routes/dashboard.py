"""The dashboard: JSON for programs, HTML for browsers, at the same address."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy import select

from api.deps import CallerDep, SessionDep
from api.pages.render import render
from api.problems import responses
from core.jobs.create import find_job
from core.jobs.snapshot import snapshot
from core.store.tables import Dataset, Job

router = APIRouter(tags=["dashboard"])


def wants_html(request: Request) -> bool:
    """Whether the client names text/html before JSON, as browsers do."""
    accept = request.headers.get("accept", "")
    html, json = accept.find("text/html"), accept.find("application/json")
    return html >= 0 and (json < 0 or html < json)


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
    fragment: Annotated[bool, Query(description="HTML without the frame, for updates.")] = False,
) -> Response:
    """The dashboard of a job; the HTML updates itself while the job runs."""
    found = snapshot(session, find_job(session, job_id))
    if fragment or wants_html(request):
        template = "dashboard_body.html" if fragment else "dashboard.html"
        page = found.once(
            (template, caller),
            lambda: render(template, view=found.view, caller=caller).encode(),
        )
        return HTMLResponse(page, headers={"Vary": "Accept"})
    body = found.once("json", lambda: bytes(JSONResponse(found.view).body))
    return Response(body, media_type="application/json", headers={"Vary": "Accept"})


@router.get("/", include_in_schema=False)
def home(session: SessionDep, caller: CallerDep) -> HTMLResponse:
    """Jobs and datasets."""
    jobs = session.scalars(select(Job).order_by(Job.id.desc()).limit(100)).all()
    datasets = session.scalars(
        select(Dataset).where(Dataset.state == "ready").order_by(Dataset.id.desc()).limit(100)
    ).all()
    context: dict[str, Any] = {"jobs": jobs, "datasets": datasets, "caller": caller}
    return HTMLResponse(render("home.html", **context))
