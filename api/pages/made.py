"""Pages, figures and rankings as they are sent, by ids alone, so that any process can make them."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from api.pages.figure_files import figure_content
from api.pages.figures import cached_figure
from api.pages.job import Place, figure_part, page
from api.pages.policy import policy_page
from api.pages.render import render
from core.access.keys import Caller
from core.cards.build import card_of
from core.jobs.candidate import candidate_view
from core.jobs.create import find_job
from core.jobs.listing import progress_of
from core.jobs.pulse import pulse_of
from core.jobs.snapshot import snapshot
from core.store.database import session_scope
from quarterturn.card.markdown import markdown
from quarterturn.search.importance import QUESTIONS


def job_page(job_id: str, place: Place, caller: Caller, *, fragment: bool) -> bytes:
    """The page of a job, or its body without the frame but with all figures."""
    with session_scope() as session:
        found = page(session, find_job(session, job_id), place, whole=fragment)
        template = "job/body.html" if fragment else "job/page.html"
        return render(template, caller=caller, here="/", **found).encode()


def dashboard_json(job_id: str) -> bytes:
    """The dashboard of a job for programs."""
    with session_scope() as session:
        shared = snapshot(session, find_job(session, job_id))
        return shared.once("json", lambda: bytes(JSONResponse(shared.view).body))


def ranking_json(job_id: str, limit: int, after: int) -> bytes:
    """A page of the ranking."""
    with session_scope() as session:
        lines = snapshot(session, find_job(session, job_id)).ranking
        more = len(lines) > after + limit
        page = {
            "items": lines[after : after + limit],
            "next": str(after + limit) if more else None,
        }
        return bytes(JSONResponse(page).body)


def job_progress(job_id: str) -> dict[str, Any]:
    """What a list of jobs says of one: trials by state, seconds, the best so far."""
    with session_scope() as session:
        return progress_of(session, [job_id])[job_id]


def figure_as(job_id: str, name: str, format: str) -> bytes:
    """A figure as `html`, `svg`, `png` or `csv`.

    Raises:
        NotFoundError: `figure_not_found`.
    """
    with session_scope() as session:
        job, pulse = find_job(session, job_id), pulse_of(session, job_id)
        assert pulse is not None
        if format == "html":
            return figure_part(session, job, name, pulse).encode()
        return figure_content(cached_figure(session, job, name, pulse), format)


def candidate_json(job_id: str, candidate: str) -> bytes:
    """A candidate for programs.

    Raises:
        NotFoundError: `candidate_not_found`. ConflictError: `policy_not_ready`.
    """
    with session_scope() as session:
        found = candidate_view(session, find_job(session, job_id), candidate)
        return bytes(JSONResponse(found).body)


def candidate_page(
    job_id: str, candidate: str, beside: str | None, seed: int, page: int, caller: Caller
) -> bytes:
    """The page of a candidate.

    Raises:
        NotFoundError: `candidate_not_found`. ConflictError: `policy_not_ready`.
    """
    with session_scope(caller.owner) as session:  # what is beside may be of another job
        job = find_job(session, job_id)
        found = policy_page(session, job, candidate, beside, seed=seed, page=page)
        return render("policy.html", caller=caller, here="/", **found).encode()


def card_as(job_id: str, format: str, caller: Caller) -> bytes:
    """The policy card as `json`, `markdown` or `html`.

    Raises:
        ConflictError: `policy_not_ready`.
    """
    with session_scope() as session:
        built = card_of(session, find_job(session, job_id))
    if format == "markdown":
        return markdown(built).encode()
    if format == "html":
        return render(
            "card.html", card=built, questions=QUESTIONS, caller=caller, here="/"
        ).encode()
    return bytes(JSONResponse(built).body)
