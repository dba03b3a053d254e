"""The figures of a job as files, and for its page."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from api.deps import SessionDep
from api.pages.compare import comparison
from api.pages.figure_files import figure_answer, figure_content
from api.pages.large import made
from api.pages.made import figure_as
from api.problems import responses
from core.jobs.create import find_job
from core.jobs.figures import FIGURES, figure_not_found

router = APIRouter(prefix="/v1/jobs", tags=["dashboard"])

FigureFormat = Annotated[
    Literal["svg", "png", "csv", "html"],
    Query(description="`csv` has the numbers; `html` is a part of a page."),
]
FileFormat = Annotated[Literal["svg", "png", "csv"], Query(description="`csv` has the numbers.")]
_TYPES = ("image/svg+xml", "image/png", "text/csv", "text/html")
FIGURE_CONTENT: dict[str, dict[str, str]] = {kind: {} for kind in _TYPES}


@router.get(
    "/{job_id}/comparison/{other_id}",
    response_class=Response,
    responses={
        200: {"description": "The figure", "content": FIGURE_CONTENT},
        **responses(404, 422),
    },
)
def compared(
    job_id: str, other_id: str, session: SessionDep, format: FileFormat = "svg"
) -> Response:
    """The scores of the candidates that two jobs have in common."""
    drawn = comparison(session, job_id, other_id)["figure"]
    return figure_answer(figure_content(drawn, format), format, f"{job_id}-{other_id}")


@router.get(
    "/{job_id}/figures/{figure}",
    response_class=Response,
    responses={
        200: {"description": "The figure", "content": FIGURE_CONTENT},
        **responses(404, 422),
    },
    openapi_extra={"x-figures": list(FIGURES)},
)
def figure(job_id: str, figure: str, session: SessionDep, format: FigureFormat = "svg") -> Response:
    """A figure of a job as it stands now; see docs/dashboard.md."""
    job = find_job(session, job_id)
    if figure not in FIGURES:
        raise figure_not_found(figure)
    content = made(session, job, figure_as, job_id, figure, format)
    if format == "html":
        return HTMLResponse(content)
    return figure_answer(content, format, f"{job_id}-{figure}")
