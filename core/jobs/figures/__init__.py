"""The figures of a job, by name: what is asked of the database for each, and its drawing."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from core.charts.figure import Figure
from core.jobs.figures.candidates import importance_of, parallel_of
from core.jobs.figures.ranking import ranking_of
from core.jobs.figures.trials import best_of, curves_of, survival_of, timeline_of
from core.store.tables import Job
from quarterturn.errors import NotFoundError

__all__ = ["FIGURES", "figure", "figure_not_found"]

FIGURES: dict[str, Callable[[Session, Job], Figure]] = {
    "best": best_of,
    "survival": survival_of,
    "parallel": parallel_of,
    "importance": importance_of,
    "curves": curves_of,
    "timeline": timeline_of,
    "ranking": ranking_of,
}


def figure_not_found(name: str) -> NotFoundError:
    """What to say of a name that is none."""
    return NotFoundError(
        f"There is no figure {name!r}. The figures are {', '.join(FIGURES)}.",
        code="figure_not_found",
    )


def figure(session: Session, job: Job, name: str) -> Figure:
    """The figure of a job as it stands now.

    Raises:
        NotFoundError: `figure_not_found`.
    """
    if name not in FIGURES:
        raise figure_not_found(name)
    return FIGURES[name](session, job)
