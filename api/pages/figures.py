"""Figures as they are asked for: drawn once for all who look."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.charts.figure import Figure
from core.jobs.figures import FIGURES, figure
from core.jobs.pulse import Pulse
from core.sharing import Shared
from core.store.tables import Job

#: Drawn from trials that run too.
_MOVING = ("timeline", "survival")
_drawn: Shared[Figure] = Shared(kept=128, oldest=60.0)


def cached_figure(session: Session, job: Job, name: str, pulse: Pulse) -> Figure:
    """The figure of a job with this pulse, or of a moment before it.

    Raises:
        NotFoundError: `figure_not_found`.
    """
    if name not in FIGURES:
        return figure(session, job, name)
    version = pulse.now if name in _MOVING else pulse.scored
    return _drawn.get((job.id, name), version, pulse.state, lambda: figure(session, job, name))
