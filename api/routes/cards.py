"""The policy card of a job."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.deps import CallerDep, SessionDep
from api.pages.large import made
from api.pages.made import card_as
from api.problems import responses
from core.jobs.create import find_job
from core.jobs.selected import selected_policy

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

CardFormat = Annotated[
    Literal["json", "markdown", "html"], Query(description="`html` is a page to print.")
]

_TYPES = {"json": "application/json", "markdown": "text/markdown", "html": "text/html"}


@router.get(
    "/{job_id}/card",
    response_class=Response,
    responses={
        200: {
            "description": "The policy card",
            "content": {"application/json": {}, "text/markdown": {}, "text/html": {}},
        },
        **responses(404, 409, 422),
    },
)
def card(
    job_id: str, session: SessionDep, caller: CallerDep, format: CardFormat = "json"
) -> Response:
    """What was asked, searched and found, how sure it is, limits, and how to reproduce it."""
    job = find_job(session, job_id)
    selected_policy(job)  # most who ask too early need not wait for a large job
    content = made(session, job, card_as, job_id, format, caller)
    return Response(content, media_type=_TYPES[format])
