"""/: the jobs, for browsers."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from api.deps import CallerDep, SessionDep
from api.pages.progress import progress_for_list
from api.pages.render import render
from core.jobs.listing import ORDERS, STATES, Order, job_page

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(
    session: SessionDep,
    caller: CallerDep,
    q: Annotated[str, Query(max_length=200)] = "",
    state: Annotated[str, Query(max_length=16)] = "",
    sort: Annotated[str, Query(max_length=16)] = "newest",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """Jobs: searched, filtered and ordered by the query. What is not known there is left out."""
    text = q.replace("\0", "").strip()
    chosen = state if state in STATES else None
    order: Order = next((name for name in ORDERS if name == sort), "newest")
    found = job_page(
        session, text=text, state=chosen, order=order, page=page, progress=progress_for_list
    )
    asked = {"q": text, "state": chosen or "", "sort": order}
    query = urlencode({name: value for name, value in asked.items() if value})
    return HTMLResponse(
        render(
            "home.html",
            caller=caller,
            here="/",
            found=found,
            asked=asked,
            states=STATES,
            query=f"{query}&" if query else "",
        )
    )
