"""What the choices of a rule are worth, in points of accuracy by labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from benchmarks.experiments.decision.cases import BASELINES, Array, Case
from benchmarks.experiments.decision.rules import Rule


@dataclass(frozen=True)
class Verdict:
    """A rule on one set, means over its seeds; `chosen` has a policy per seed.

    `regret` is to the best of the field, `against_six` the gain over the best of the six baselines,
    `against` that over each of them, `spearman` of the scores with accuracy.
    """

    set: str
    chosen: list[str]
    regret: float
    against_six: float
    against: dict[str, float]
    spearman: float


def choose(rule: Rule, case: Case, lessons: Sequence[Case]) -> tuple[str, Array]:
    """The policy that a rule picks, and its scores; collapsed runs are never picked.

    What a rule learns it learns from the lessons of other families alone.
    """
    field = case.field
    known = [other for other in lessons if other.field.family != field.family]
    scores = np.asarray(rule(field, known), dtype=float)
    allowed = np.where(np.isnan(scores) | (field.columns["collapsed"] == 1.0), -np.inf, scores)
    return field.policies[int(np.argmax(allowed))], scores


def _best(policies: Sequence[str], case: Case, cases: Sequence[Case]) -> str:
    """The best of some policies by labels on the other seeds of the set; if there is no other, on
    this one.
    """
    same = [other for other in cases if other.field.set == case.field.set]
    judges = [other for other in same if other.field.seed != case.field.seed] or [case]
    means = {name: float(np.mean([judge.accuracy(name) for judge in judges])) for name in policies}
    return max(means, key=lambda name: means[name])


def _correlate(scores: Array, truth: Array) -> float:
    if np.ptp(scores) < 1e-12 or np.isnan(scores).any():
        return float("nan")
    return float(spearmanr(scores, truth)[0])


def _judge_case(rule: Rule, case: Case, cases: Sequence[Case], lessons: Sequence[Case]) -> Verdict:
    chosen, scores = choose(rule, case, lessons)
    own = case.accuracy(chosen)
    baselines = [name for name in BASELINES if name in case.field.policies]
    return Verdict(
        set=case.field.set,
        chosen=[chosen],
        regret=case.accuracy(_best(case.field.policies, case, cases)) - own,
        against_six=own - case.accuracy(_best(baselines, case, cases)),
        against={name: own - case.accuracy(name) for name in baselines},
        spearman=_correlate(scores, case.truth),
    )


def _average(verdicts: Sequence[Verdict]) -> Verdict:
    first = verdicts[0]
    return Verdict(
        set=first.set,
        chosen=[name for verdict in verdicts for name in verdict.chosen],
        regret=float(np.mean([verdict.regret for verdict in verdicts])),
        against_six=float(np.mean([verdict.against_six for verdict in verdicts])),
        against={
            name: float(np.mean([verdict.against[name] for verdict in verdicts]))
            for name in first.against
        },
        spearman=float(np.mean([verdict.spearman for verdict in verdicts])),
    )


def judge(rule: Rule, cases: Sequence[Case], lessons: Sequence[Case]) -> list[Verdict]:
    """One verdict per set; `lessons` are what a rule may learn from."""
    by_set: dict[str, list[Verdict]] = {}
    for case in cases:
        by_set.setdefault(case.field.set, []).append(_judge_case(rule, case, cases, lessons))
    return [_average(verdicts) for verdicts in by_set.values()]


@dataclass(frozen=True)
class Summary:
    """Over sets: means with their standard errors, the worst set, and how many are not worse than
    the incumbent by more than a point.
    """

    regret: float
    regret_error: float
    worst: float
    worst_set: str
    against_six: float
    against_six_error: float
    against: dict[str, float]
    against_incumbent_error: float
    not_worse: int
    sets: int
    spearman: float


#: Points by which a choice may be worse than the incumbent and still count as not worse.
TOLERANCE = 1.0


def _error(values: Sequence[float]) -> float:
    count = len(values)
    return float(np.std(values, ddof=1) / np.sqrt(count)) if count > 1 else float("nan")


def summarize(verdicts: Sequence[Verdict]) -> Summary:
    """All sets count alike."""
    regrets = [verdict.regret for verdict in verdicts]
    six = [verdict.against_six for verdict in verdicts]
    gains = [verdict.against[BASELINES[0]] for verdict in verdicts]
    worst = int(np.argmax(regrets))
    return Summary(
        regret=float(np.mean(regrets)),
        regret_error=_error(regrets),
        worst=regrets[worst],
        worst_set=verdicts[worst].set,
        against_six=float(np.mean(six)),
        against_six_error=_error(six),
        against={
            name: float(np.mean([verdict.against[name] for verdict in verdicts]))
            for name in verdicts[0].against
        },
        against_incumbent_error=_error(gains),
        not_worse=sum(gain >= -TOLERANCE for gain in gains),
        sets=len(verdicts),
        spearman=float(np.mean([verdict.spearman for verdict in verdicts])),
    )
