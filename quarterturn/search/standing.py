"""How a search stands: the ranking of all that may be compared by now."""

from __future__ import annotations

from collections.abc import Sequence

from quarterturn.search.decision.decide import apply_decision, make_decision
from quarterturn.search.history import (
    CONFIRMATION,
    FINAL_STATES,
    Candidate,
    Entrant,
    History,
    TrialRecord,
)
from quarterturn.search.planning import wanted
from quarterturn.search.ranking import Ranked, rank
from quarterturn.search.spec import SearchSpec


def _comparable(spec: SearchSpec, history: History) -> list[TrialRecord]:
    """All trials, but of the confirmation only seeds that every finalist and baseline has had.

    A confirmation that a budget cut short would else rank whoever came first in the queue.
    """
    if not any(trial.task == CONFIRMATION for trial in history.trials):
        return list(history.trials)
    records = history.by_place()
    asked = [r for r in wanted(spec, history).requests if r.task == CONFIRMATION]
    cut = {
        r.seed
        for r in asked
        if r.place not in records or records[r.place].state not in FINAL_STATES - {"cancelled"}
    }
    return [t for t in history.trials if t.task != CONFIRMATION or t.seed not in cut]


def standing(
    spec: SearchSpec, candidates: Sequence[Candidate | Entrant], history: History
) -> list[Ranked]:
    """The ranking of all candidates with a completed trial, best first; where the criterion is
    `auto`, by expected gain over the incumbent.
    """
    decision = make_decision(spec, history)
    if decision is None:
        return rank(candidates, _comparable(spec, history))
    ranking = rank(candidates, _comparable(spec, apply_decision(decision, history)))
    for entry in ranking:
        gain = entry.score if entry.reported is None else entry.reported
        entry.probability = decision.probability(gain)
        entry.interval = decision.interval(gain)
    return ranking
