"""Figures over the searched candidates of one rung."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from core.charts.figure import Figure
from core.charts.importance import importance_figure
from core.charts.parallel import Point, parallel
from core.jobs.figures.makeup import makeup_of, searched_shares
from core.jobs.figures.units import unit_of
from core.jobs.history import entrants_of, records_of
from core.jobs.specs import spec_of
from core.store.tables import Job
from quarterturn.policy.shares import Share
from quarterturn.search.coordinates import coordinates
from quarterturn.search.fullest import fullest_rung
from quarterturn.search.history import TrialRecord
from quarterturn.search.importance import importance


def parallel_of(session: Session, job: Job) -> Figure:
    """Parameters and scores of the searched candidates."""
    spec = spec_of(job)
    unit = unit_of(spec.scoring.criterion)
    searched = {e.key: e.name for e in entrants_of(session, job.id) if e.origin == "search"}
    rung = fullest_rung(records_of(session, job.id), searched)
    scores = rung.scores if rung else {}
    measured = [key for key in searched if key in scores]
    found = coordinates(spec.search_space, list(makeup_of(session, job.id, measured).values()))
    points = [
        Point(searched[key], values, scores[key])
        for key, values in zip(measured, found.values, strict=True)
    ]
    return parallel(found.axes, points, meaning=found.meaning, unit=unit.name, scale=unit.scale)


class _Question:
    """Trials and shares, alike where the completed trials of a job are: the bootstrap of
    thousands of candidates takes a second.
    """

    def __init__(
        self, key: object, trials: list[TrialRecord], shares: dict[str, dict[str, Share]]
    ) -> None:
        self.key, self.trials, self.shares = key, trials, shares

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Question) and self.key == other.key


@lru_cache(maxsize=32)
def _importance(question: _Question) -> dict[str, Any]:
    found = importance(question.trials, question.shares).to_dict()
    question.trials, question.shares = [], {}  # the key is kept, and thousands of records with it
    return found


def importance_of(session: Session, job: Job) -> Figure:
    """Operations and how they go with the score."""
    unit = unit_of(spec_of(job).scoring.criterion)
    trials = records_of(session, job.id)
    done = frozenset(t.place for t in trials if t.state == "completed")
    shares = searched_shares(session, job.id)
    found = _importance(_Question((job.id, done), trials, shares))
    return importance_figure(found, unit=unit.name, scale=unit.scale)
