"""How the scores of a job are written on an axis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.store.tables import Job
from quarterturn.pretrain.spec import AUTO
from quarterturn.search.evidence import CHANCE


@dataclass(frozen=True)
class Unit:
    """The name of the axis, what to multiply scores by, and the score of guessing if known."""

    name: str
    scale: float
    chance: float | None


def unit_of(criterion: str) -> Unit:
    """Of the score of a trial: rotation accuracy in percent, which trials have with `auto` too;
    other criteria as they are (larger being better).
    """
    if criterion in ("rotation", AUTO):
        return Unit("rotation accuracy (%)", 100.0, CHANCE)
    return Unit(f"{criterion} (larger is better)", 1.0, None)


def unit_of_ranking(criterion: str) -> Unit:
    """Of the score of a candidate in the ranking: with `auto` expected gain in points."""
    if criterion == AUTO:
        return Unit("expected gain over the incumbent (points)", 100.0, None)
    return unit_of(criterion)


def since(job: Job, moment: datetime | None) -> float:
    """Seconds from the start of the job's first trial, pauses included."""
    if moment is None or job.started_at is None:
        return 0.0
    return max(0.0, (moment - job.started_at).total_seconds())
