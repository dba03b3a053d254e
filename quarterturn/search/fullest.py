"""The rung in which most candidates were compared: where effects can be looked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from quarterturn.search.effects import fit
from quarterturn.search.history import BASE, CONFIRMATION, SEARCH, TrialRecord

_PRETRAINED = (SEARCH, CONFIRMATION, BASE)


@dataclass(frozen=True)
class Rung:
    """Trials of one stage and length, completed and not collapsed, of the candidates asked about.

    Attributes:
        scores: by candidate, the mean over seeds as if each had had every seed.
    """

    stage: str
    iterations: int
    trials: tuple[TrialRecord, ...]
    scores: dict[str, float]


def fullest_rung(trials: Iterable[TrialRecord], keys: Collection[str]) -> Rung | None:
    """The rung with most of the candidates of these keys; of equals the longest. None if none of
    them was scored.

    A longer rung of a halving holds survivors only, among which the effect of what made them
    survive is no longer seen.
    """
    rungs: dict[tuple[str, int], list[TrialRecord]] = defaultdict(list)
    for trial in trials:
        scored = trial.state == "completed" and trial.score is not None and not trial.collapsed
        if scored and trial.task in _PRETRAINED and trial.candidate in keys:
            rungs[trial.task, trial.iterations].append(trial)
    if not rungs:
        return None
    stage, iterations = max(
        rungs, key=lambda place: (len({t.candidate for t in rungs[place]}), place[1], place[0])
    )
    chosen = rungs[stage, iterations]
    scores: dict[str, dict[int, float]] = defaultdict(dict)
    for trial in chosen:
        assert trial.score is not None
        scores[trial.candidate][trial.seed] = trial.score
    return Rung(stage, iterations, tuple(chosen), fit(scores).means)
