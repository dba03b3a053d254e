"""Figures over the searched candidates of one rung."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from core.charts.figure import Figure
from core.charts.importance import importance_figure
from core.charts.parallel import Point, parallel
from core.jobs.figures.makeup import makeup_of, searched_shares, searched_slots
from core.jobs.figures.units import unit_of, unit_of_ranking
from core.jobs.history import entrants_of, history_of, records_of
from core.jobs.specs import spec_of
from core.store.tables import Job
from quarterturn.search.coordinates import coordinates
from quarterturn.search.decision.decide import score_by_gain
from quarterturn.search.fullest import fullest_rung
from quarterturn.search.importance import Importance, importance


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
    """What importance is computed from, alike where the completed trials of a job are: the
    bootstrap of thousands of candidates takes a second.
    """

    def __init__(self, key: object, load: Callable[[], Importance]) -> None:
        self.key, self.load = key, load

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Question) and self.key == other.key


@lru_cache(maxsize=32)
def _answer(question: _Question) -> dict[str, Any]:
    found = question.load().to_dict()
    question.load = _forgotten  # the key is kept, and a session and thousands of records with it
    return found


def _forgotten() -> Importance:
    raise AssertionError("what is kept is not asked for again")


def importance_in(session: Session, job: Job) -> dict[str, Any]:
    """What operations are worth so far; with `auto` in expected gain. Not to be changed."""
    spec, history = spec_of(job), history_of(session, job)

    def load() -> Importance:
        return importance(
            score_by_gain(spec, history).trials,
            searched_shares(session, job.id),
            searched_slots(session, job.id, spec),
        )

    done = frozenset(t.place for t in history.trials if t.state == "completed")
    return _answer(_Question((job.id, done), load))


def importance_of(session: Session, job: Job) -> Figure:
    """Operations and how they go with the score; with `auto` with the expected gain."""
    unit = unit_of_ranking(spec_of(job).scoring.criterion)
    return importance_figure(importance_in(session, job), unit=unit.name, scale=unit.scale)
