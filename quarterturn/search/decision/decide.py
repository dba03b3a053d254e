"""From the criteria of all trials to expected gains over the incumbent. Pure."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from quarterturn.pretrain.spec import AUTO
from quarterturn.search.decision.model import Rule, load_model
from quarterturn.search.history import BASE, CONFIRMATION, SEARCH, History, TrialRecord
from quarterturn.search.incumbent import baselines, incumbent, portfolio
from quarterturn.search.spec import SearchSpec

_SCORED = (BASE, SEARCH, CONFIRMATION)
#: Recipes that a spread is taken over at least.
_MIN_RECIPES = 5
_SMALLEST = 1e-6

#: The criteria of one trial, by voter.
Votes = Mapping[str, float]


@dataclass(frozen=True)
class Decision:
    """How the trials of a search are judged.

    Attributes:
        rule: the part of the shipped model that what was measured allows.
        spreads: of each voter over the recipes.
        accuracy_spread: expected spread of accuracy over the recipes, a fraction.
        measured: whether the spreads are of this search, not the usual ones.
        incumbent: key of the candidate that all are compared with.
    """

    rule: Rule
    spreads: Mapping[str, float]
    accuracy_spread: float
    measured: bool
    incumbent: str

    def gain(self, votes: Votes, against: Votes) -> float:
        """Expected gain in accuracy, a fraction, from the votes of two candidates."""
        parts = (
            voter.weight * (votes[name] - against[name]) / self.spreads[name]
            for name, voter in self.rule.voters.items()
        )
        return self.accuracy_spread * math.fsum(parts)

    def error(self, votes: Votes) -> float:
        """Standard error of a gain from the choice of images alone, a fraction."""
        parts = (
            (voter.weight * votes.get(f"{name}_error", 0.0) / self.spreads[name]) ** 2
            for name, voter in self.rule.voters.items()
        )
        return self.accuracy_spread * math.sqrt(math.fsum(parts))

    def probability(self, gain: float) -> float:
        """P(at least as good as the incumbent) of a candidate of this expected gain."""
        return self.rule.probability(gain / self.accuracy_spread)

    def interval(self, gain: float) -> tuple[float, float]:
        """Where four gains of five lie: the rule's own error on sets that it has not seen."""
        half = 1.2816 * self.rule.residual * self.accuracy_spread
        return gain - half, gain + half


def _healthy(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Those that vote."""
    return [
        t
        for t in trials
        if t.task in _SCORED and t.state == "completed" and not t.collapsed and t.criteria
    ]


def _spread_rung(trials: Sequence[TrialRecord], recipes: set[str]) -> list[TrialRecord]:
    """The trials of recipes on the rung with most of them; of equals the longest."""
    rungs: dict[tuple[str, int], list[TrialRecord]] = defaultdict(list)
    for trial in trials:
        if trial.candidate in recipes:
            rungs[trial.task, trial.iterations].append(trial)
    best = max(
        rungs,
        key=lambda rung: (len({t.candidate for t in rungs[rung]}), rung[1], rung[0]),
        default=None,
    )
    return [] if best is None else rungs[best]


def _spread(values: Mapping[int, list[float]]) -> float | None:
    """Mean over seeds of the standard deviation over recipes."""
    found = [statistics.pstdev(row) for row in values.values() if len(row) >= _MIN_RECIPES]
    return statistics.fmean(found) if found else None


def _spreads(rule: Rule, trials: Sequence[TrialRecord]) -> tuple[dict[str, float], bool]:
    found: dict[str, float] = {}
    measured = True
    for name, voter in rule.voters.items():
        by_seed: dict[int, list[float]] = defaultdict(list)
        for trial in trials:
            by_seed[trial.seed].append(trial.criteria[name])
        own = _spread(by_seed)
        measured = measured and own is not None
        found[name] = max(_SMALLEST, voter.usual_spread if own is None else own)
    return found, measured


def make_decision(spec: SearchSpec, history: History) -> Decision | None:
    """How the trials of a search are judged by now; None where the criterion is not `auto`, or
    nothing was measured yet.
    """
    if spec.scoring.criterion != AUTO:
        return None
    trials = _healthy(history.trials)
    if not trials:
        return None
    rule = load_model().rule_for(set.intersection(*(set(t.criteria) for t in trials)))
    recipes = {c.key for c in [*baselines(spec), *portfolio(spec)]}
    spreads, measured = _spreads(rule, _spread_rung(trials, recipes))
    return Decision(rule, spreads, rule.accuracy_spread(spreads), measured, incumbent(spec).key)


def _mean(votes: Sequence[Votes], names: Iterable[str]) -> dict[str, float]:
    return {name: statistics.fmean(row[name] for row in votes) for name in names}


def _origins(
    decision: Decision, trials: Sequence[TrialRecord]
) -> dict[tuple[str, int, int], dict[str, float]]:
    """The votes of the incumbent in each group of trials with one task, length and seed.

    Where it was not measured it is estimated: from the group's other candidates and how far the
    incumbent was from them on the rung where most were measured with it.
    """
    names = tuple(decision.rule.voters)
    groups: dict[tuple[str, int, int], dict[str, Votes]] = defaultdict(dict)
    for trial in trials:
        groups[trial.task, trial.iterations, trial.seed][trial.candidate] = trial.criteria
    key = decision.incumbent
    beside = [group for group in groups.values() if key in group]
    found = {}
    for place, group in groups.items():
        if key in group:
            found[place] = {name: group[key][name] for name in names}
            continue
        other = max(beside, key=lambda o: len(o.keys() & group.keys()), default={})
        shared = sorted(other.keys() & group.keys())
        mean = _mean([group[c] for c in shared or sorted(group)], names)
        if shared:
            there = _mean([other[c] for c in shared], names)
            mean = {name: mean[name] + other[key][name] - there[name] for name in names}
        found[place] = mean
    return found


def score_by_gain(spec: SearchSpec, history: History) -> History:
    """The history with expected gains over the incumbent in place of scores, where the criterion is
    `auto`; with any other as it is. Applied twice it changes nothing.
    """
    decision = make_decision(spec, history)
    return history if decision is None else apply_decision(decision, history)


def apply_decision(decision: Decision, history: History) -> History:
    """The history with expected gains over the incumbent in place of scores."""
    trials = _healthy(history.trials)
    here = _origins(decision, trials)
    unseen = _origins(decision, [replace(t, criteria=t.held_out_criteria) for t in trials])
    judged = []
    for trial in history.trials:
        place = (trial.task, trial.iterations, trial.seed)
        if trial.task in _SCORED and trial.criteria and place in here:
            trial = replace(
                trial,
                score=decision.gain(trial.criteria, here[place]),
                held_out=decision.gain(trial.held_out_criteria, unseen[place]),
                sampling_error=decision.error(trial.criteria),
            )
        judged.append(trial)
    return replace(history, trials=tuple(judged))
