"""The pages that are no part of the API: the form, the datasets, comparing."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select

from api.deps import CallerDep, SessionDep
from api.pages.compare import compare_page
from api.pages.new_job import form
from api.pages.render import render
from api.paging import newest_first
from core.jobs.create import find_job
from core.store.tables import Dataset

router = APIRouter(include_in_schema=False)

Id = Annotated[str, Query(max_length=64)]


@router.get("/new")
def new(session: SessionDep, caller: CallerDep, dataset: Id = "", like: Id = "") -> HTMLResponse:
    """The form for a new job; `like` takes over the settings of another."""
    found = form(session, dataset or None, find_job(session, like) if like else None)
    return HTMLResponse(render("new.html", caller=caller, here="/new", **found))


@router.get("/datasets")
def datasets(session: SessionDep, caller: CallerDep, after: Id = "") -> HTMLResponse:
    """Datasets, newest first."""
    query = select(Dataset).where(Dataset.state == "ready")
    found = newest_first(session, query, Dataset, 25, after or None)
    return HTMLResponse(
        render(
            "datasets.html",
            caller=caller,
            here="/datasets",
            datasets=found["items"],
            following=found["next"],
        )
    )


@router.get("/compare")
def compare(
    session: SessionDep, caller: CallerDep, first: Id = "", second: Id = ""
) -> HTMLResponse:
    """Two jobs side by side."""
    found = compare_page(session, first, second)
    return HTMLResponse(render("compare.html", caller=caller, here="/compare", **found))


@router.get("/policies")
def policies(
    job: Id,
    candidate: Id,
    beside: Annotated[str, Query(max_length=80)] = "",
    seed: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    page: Annotated[int, Query(ge=0, le=10_000)] = 0,
) -> RedirectResponse:
    """From the choice on the page of a policy to its address."""
    asked = {"beside": beside, "seed": seed or "", "page": page or ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    address = f"/v1/jobs/{quote(job, safe='')}/policies/{quote(candidate, safe='')}"
    return RedirectResponse(f"{address}?{query}" if query else address, 303)
