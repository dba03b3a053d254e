"""How probable is it that the chosen policy is at least as good? Judged on families left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.experiments.decision.cases import BASELINES, Array, Case
from benchmarks.experiments.decision.fitting import fit_rule, predict_gains
from quarterturn.search.decision.model import Rule

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Probabilities between two bounds: their mean, how often they were right, how many."""

    mean: float
    right: float
    count: int


@dataclass(frozen=True)
class Calibration:
    """Of probabilities against what labels say.

    Attributes:
        error: expected calibration error over ten bins.
        brier: mean squared error of the probabilities.
        base: Brier score of always saying the mean.
        sure: how many probabilities are 0.9 or more; `sure_right` the share that were right.
    """

    error: float
    brier: float
    base: float
    sure: int
    sure_right: float
    count: int
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def calibrate(probabilities: Array, right: Array) -> Calibration:
    """Compare probabilities with what happened."""
    bins = []
    for low in range(BINS):
        inside = (probabilities >= low / BINS) & (
            (probabilities < (low + 1) / BINS) | (low == BINS - 1)
        )
        if inside.any():
            mean, share = float(probabilities[inside].mean()), float(right[inside].mean())
            bins.append(Bin(round(mean, 4), round(share, 4), int(inside.sum())))
    total = len(probabilities)
    sure = probabilities >= 0.9
    return Calibration(
        error=float(sum(b.count * abs(b.mean - b.right) for b in bins) / total),
        brier=float(np.mean((probabilities - right) ** 2)),
        base=float(np.mean((right.mean() - right) ** 2)),
        sure=int(sure.sum()),
        sure_right=float(right[sure].mean()) if sure.any() else float("nan"),
        count=total,
        bins=tuple(bins),
    )


def rule_without(voters: Sequence[str], family: str, cases: Sequence[Case]) -> Rule:
    """The rule that families other than this one teach."""
    return fit_rule(voters, [case for case in cases if case.field.family != family])


def judge_probabilities(
    voters: Sequence[str], cases: Sequence[Case]
) -> tuple[Calibration, Calibration]:
    """Calibration over all policies against each baseline, and of the chosen ones alone."""
    every: list[tuple[float, bool]] = []
    chosen: list[tuple[float, bool]] = []
    families = {case.field.family for case in cases}
    rules = {family: rule_without(voters, family, cases) for family in sorted(families)}
    for case in cases:
        field = case.field
        rule = rules[field.family]
        healthy = field.columns["collapsed"] != 1.0
        for incumbent in (name for name in BASELINES if name in field.policies):
            place = field.policies.index(incumbent)
            gains = predict_gains(rule, field, incumbent)
            right = case.truth >= case.truth[place]
            others = [i for i in range(len(gains)) if i != place and healthy[i]]
            found = [(rule.probability(float(gains[i])), bool(right[i])) for i in others]
            every += found
            chosen.append(max(found))
    return tuple(  # type: ignore[return-value]
        calibrate(np.array([p for p, _ in pairs]), np.array([float(r) for _, r in pairs]))
        for pairs in (every, chosen)
    )
