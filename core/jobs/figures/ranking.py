"""The ranking of a job as it stands."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.charts.figure import Figure
from core.charts.ranking import ranking_figure
from core.jobs.figures.units import unit_of_ranking
from core.jobs.history import entrants_of, history_of
from core.jobs.specs import spec_of
from core.store.tables import Job
from quarterturn.search.standing import standing


def ranking_of(session: Session, job: Job) -> Figure:
    """The ranking, of the end or so far."""
    spec = spec_of(job)
    ranking = job.ranking
    if ranking is None:
        found = standing(spec, entrants_of(session, job.id), history_of(session, job))
        ranking = [entry.to_dict() for entry in found]
    unit = unit_of_ranking(spec.scoring.criterion)
    return ranking_figure(ranking, unit=unit.name, scale=unit.scale, chance=unit.chance)
