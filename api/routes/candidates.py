"""The candidates of a job: their policies, on the user's images and as files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from api.deps import CallerDep, SessionDep, SettingsDep
from api.pages.accept import wants_html
from api.pages.large import made
from api.pages.made import candidate_json, candidate_page
from api.pages.png import png_response
from api.problems import responses
from api.routes.policies import Format, Size, View, policy_file
from core.jobs.candidate import find_candidate
from core.jobs.create import find_job
from core.previews import pictures
from core.previews.process import images_of
from core.storage import storage_of
from core.store.tables import Dataset

router = APIRouter(prefix="/v1/jobs", tags=["policies"])

Seed = Annotated[int, Query(ge=0, lt=2**31, description="The same seed draws the same.")]
SheetPage = Annotated[int, Query(ge=0, le=10_000, description="Which images.")]
Beside = Annotated[
    str | None,
    Query(max_length=80, description="Of the HTML: another candidate, or JOB:CANDIDATE."),
]


@router.get(
    "/{job_id}/policies/{candidate}",
    responses={
        200: {
            "description": "The policy, how it did, and where it can be taken",
            "content": {"application/json": {}, "text/html": {}},
        },
        **responses(404, 409),
    },
)
def read(
    job_id: str,
    candidate: str,
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    beside: Beside = None,
    seed: Seed = 0,
    page: SheetPage = 0,
) -> Response:
    """A candidate of a job by its key, or `selected`; the HTML shows it on the user's images."""
    job = find_job(session, job_id)
    vary = {"Vary": "Accept"}
    if not wants_html(request):
        body = made(session, job, candidate_json, job_id, candidate)
        return Response(body, media_type="application/json", headers=vary)
    content = made(session, job, candidate_page, job_id, candidate, beside, seed, page, caller)
    return HTMLResponse(content, headers=vary)


@router.get(
    "/{job_id}/policies/{candidate}/sheet",
    response_class=Response,
    responses={
        200: {"description": "A contact sheet", "content": {"image/png": {}}},
        **responses(404, 409, 503),
    },
)
def sheet(
    job_id: str,
    candidate: str,
    session: SessionDep,
    settings: SettingsDep,
    images: Annotated[int, Query(ge=1, le=16)] = 6,
    draws: Annotated[int, Query(ge=1, le=12, description="Views of each image.")] = 6,
    seed: Seed = 0,
    page: SheetPage = 0,
) -> Response:
    """The images of the job, one a row, each beside several draws of the policy."""
    job = find_job(session, job_id)
    _, _, policy = find_candidate(session, job, candidate)
    digest = session.get_one(Dataset, job.dataset_id).digest
    with images_of(storage_of(settings), digest) as folder:
        sheet = pictures.of_policy(folder, policy, images=images, draws=draws, seed=seed, page=page)
    return png_response(sheet)


@router.get(
    "/{job_id}/policies/{candidate}/file",
    response_class=Response,
    responses={
        200: {
            "description": "The policy as a file",
            "content": {"application/json": {}, "text/x-python": {}},
        },
        **responses(404, 409, 422),
    },
)
def file(
    job_id: str,
    candidate: str,
    session: SessionDep,
    format: Format = "json",
    size: Size = None,
    view: View = 0,
) -> Response:
    """The policy of any candidate, in the form of a library."""
    job = find_job(session, job_id)
    _, _, policy = find_candidate(session, job, candidate)
    return policy_file(session, job, policy, format, size, view)
