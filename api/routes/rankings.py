"""The ranking of a job, by pages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from api.deps import SessionDep
from api.pages.large import made
from api.pages.made import ranking_json
from api.problems import responses
from core.jobs.create import find_job

router = APIRouter(prefix="/v1/jobs", tags=["dashboard"])


class RankingPage(BaseModel):
    """Lines of a ranking; `next` is the cursor of the following page, null on the last."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.get("/{job_id}/ranking", response_model=RankingPage, responses=responses(404))
def ranking(
    job_id: str,
    session: SessionDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="Cursor: a rank.")] = 0,
) -> Response:
    """The ranking so far, best first; of an ended job the last."""
    job = find_job(session, job_id)
    page = made(session, job, ranking_json, job_id, limit, after)
    return Response(page, media_type="application/json")
