"""The page of a job, in parts that are brought up to date one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from api.pages.figures import cached_figure
from api.pages.render import render
from core.jobs.criteria import criteria_of
from core.jobs.figures import FIGURES
from core.jobs.pulse import Pulse, pulse_of
from core.jobs.snapshot import snapshot
from core.jobs.trial_list import trial_page
from core.lifecycle import active
from core.store.tables import Job
from quarterturn.score.catalogue import CRITERIA

#: In the order of the page. The figures follow the ranking.
PARTS = ("head", "status", "progress", "ranking", "trials", "failures")
#: Above this many trials a page comes without its figures, which then follow one by one.
_LARGE = 1500
RANKED = 25


@dataclass(frozen=True)
class Place:
    """Which page of the ranking and of the trials is looked at, and trials of which state."""

    ranking: int = 1
    trials: int = 1
    state: str | None = None


def _ranking(session: Session, view: dict[str, Any], page: int) -> dict[str, Any]:
    ranking = view["ranking"]
    pages = max(1, -(-len(ranking) // RANKED))
    page = min(max(1, page), pages)
    shown = ranking[(page - 1) * RANKED : page * RANKED]
    criteria = criteria_of(session, view["job_id"], shown)
    names = [name for name in CRITERIA if any(name in row for row in criteria.values())]
    return {
        "entries": shown,
        "page": page,
        "pages": pages,
        "criteria": criteria,
        "names": names,
        "before": ranking[(page - 1) * RANKED - 1] if page > 1 else None,
    }


def shared_view(session: Session, job: Job, pulse: Pulse) -> dict[str, Any]:
    """The dashboard of a job with this pulse, or of a moment before it."""
    return snapshot(session, job, pulse).whole


def context(session: Session, job: Job, place: Place, view: dict[str, Any]) -> dict[str, Any]:
    """All that the parts show of a job with this dashboard."""
    ranking = view["ranking"]
    return {
        "view": view,
        "live": job.state in active("jobs"),
        "shown": _ranking(session, view, place.ranking),
        "trials": trial_page(session, job.id, page=place.trials, state=place.state),
        "searched": next(
            (e for e in ranking if e["origin"] != "baseline" and not e["collapsed"]), None
        ),
        "baseline": next(
            (e for e in ranking if e["origin"] == "baseline" and not e["collapsed"]), None
        ),
        "criteria_summaries": {name: c.summary for name, c in CRITERIA.items()},
    }


def parts(found: dict[str, Any]) -> dict[str, str]:
    """Each part as HTML."""
    return {name: render(f"job/{name}.html", **found) for name in PARTS}


def figures(session: Session, job: Job, pulse: Pulse, *, whole: bool) -> dict[str, str | None]:
    """Each figure as HTML; None where it is better asked for later.

    Args:
        whole: draw all of them, however long it takes.
    """
    return {name: figure_part(session, job, name, pulse) if whole else None for name in FIGURES}


def figure_part(session: Session, job: Job, name: str, pulse: Pulse) -> str:
    """A figure with its caption, its files and its numbers."""
    drawn = cached_figure(session, job, name, pulse)
    address = f"/v1/jobs/{job.id}/figures/{name}"
    return render("job/figure.html", figure=drawn, address=address)


def page(session: Session, job: Job, place: Place, *, whole: bool) -> dict[str, Any]:
    """What the templates of the page need.

    Args:
        whole: with all figures, for a copy.
    """
    pulse = pulse_of(session, job.id)
    assert pulse is not None
    found = context(session, job, place, shared_view(session, job, pulse))
    small = found["view"]["trials_total"] <= _LARGE
    return {
        **found,
        "parts": parts(found),
        "figures": figures(session, job, pulse, whole=whole or small),
        "version": pulse.scored,
    }
