"""The policy card of a job."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, JSONResponse, Response

from api.deps import CallerDep, SessionDep
from api.pages.render import render
from api.problems import responses
from core.cards.build import card_of
from core.cards.markdown import markdown
from core.jobs.create import find_job

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

CardFormat = Annotated[
    Literal["json", "markdown", "html"], Query(description="`html` is a page to print.")
]


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
) -> Response:  # fmt: skip
    """What was asked, searched and found, how sure it is, limits, and how to reproduce it."""
    built = card_of(session, find_job(session, job_id))
    if format == "markdown":
        return Response(markdown(built), media_type="text/markdown")
    if format == "html":
        return HTMLResponse(render("card.html", card=built, caller=caller, here="/"))
    return JSONResponse(built)
