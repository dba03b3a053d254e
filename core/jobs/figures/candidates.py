"""Figures over the searched candidates of one rung."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from core.charts.figure import Figure
from core.charts.importance import importance_figure
from core.charts.parallel import Point, parallel
from core.jobs.figures.units import spec_of, unit_of
from core.jobs.history import candidates_of, records_of
from core.search.coordinates import coordinates
from core.search.fullest import fullest_rung
from core.search.history import Candidate, TrialRecord
from core.search.importance import importance
from core.store.tables import Job


def parallel_of(session: Session, job: Job) -> Figure:
    """Parameters and scores of the searched candidates."""
    spec = spec_of(job)
    unit = unit_of(spec.scoring.criterion)
    searched = [c for c in candidates_of(session, job.id) if c.origin == "search"]
    rung = fullest_rung(records_of(session, job.id), searched)
    measured = [c for c in searched if rung is not None and c.key in rung.scores]
    found = coordinates(spec.search_space, [c.policy for c in measured])
    points = [
        Point(c.policy.name, values, rung.scores[c.key] if rung else 0.0)
        for c, values in zip(measured, found.values, strict=True)
    ]
    return parallel(
        found.axes, points, meaning=found.meaning, unit=unit.name, scale=unit.scale
    )  # fmt: skip


class _Question:
    """Trials and candidates, alike where the completed trials of a job are: the bootstrap takes
    longer than all the rest of a page.
    """

    def __init__(self, key: object, trials: list[TrialRecord], candidates: list[Candidate]) -> None:
        self.key, self.trials, self.candidates = key, trials, candidates

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Question) and self.key == other.key


@lru_cache(maxsize=32)
def _importance(question: _Question) -> dict[str, Any]:
    return importance(question.trials, question.candidates).to_dict()


def importance_of(session: Session, job: Job) -> Figure:
    """Operations and how they go with the score."""
    unit = unit_of(spec_of(job).scoring.criterion)
    trials = records_of(session, job.id)
    done = frozenset(t.place for t in trials if t.state == "completed")
    found = _importance(_Question((job.id, done), trials, candidates_of(session, job.id)))
    return importance_figure(found, unit=unit.name, scale=unit.scale)
