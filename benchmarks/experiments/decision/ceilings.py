"""How well labels do what the rules are asked to do: bounds that noise sets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.stats import spearmanr

from benchmarks.experiments.decision.cases import BASELINES, MIN_POLICIES, Array, Case, Field

#: Sets whose parts rank policies less alike than this are no ruler.
AGREEMENT = 0.7


def by_set(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """The seeds of each set."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.field.set, []).append(case)
    return found


def _pairs(rows: Sequence[Array]) -> list[float]:
    return [float(spearmanr(one, other)[0]) for one, other in combinations(rows, 2)]


def parts_agree(cases: Sequence[Case]) -> dict[str, float]:
    """The mean Spearman correlation of accuracy on one part of a set with that on another, of sets
    where enough policies have it: few that are much alike say nothing of the set.
    """
    found = {}
    for name, seeds in by_set(cases).items():
        rows = np.mean([case.parts for case in seeds], axis=0)
        measured = ~np.isnan(rows).any(0)
        if measured.sum() >= MIN_POLICIES:
            found[name] = float(np.mean(_pairs(rows[:, measured])))
    return found


def seeds_agree(cases: Sequence[Case]) -> dict[str, float]:
    """The mean Spearman correlation of accuracy with one seed with that with another."""
    several = {name: seeds for name, seeds in by_set(cases).items() if len(seeds) > 1}
    return {
        name: float(np.mean(_pairs([case.truth for case in seeds])))
        for name, seeds in several.items()
    }


def labels_of_another_seed(cases: Sequence[Case], field: Field) -> Array:
    """A rule that cheats: mean accuracy by labels with the other seeds of the same set."""
    others = [
        case.truth
        for case in cases
        if case.field.set == field.set and case.field.seed != field.seed
    ]
    return np.mean(others, axis=0) if others else np.zeros(len(field.policies))


def labels_of_baselines(cases: Sequence[Case], field: Field) -> Array:
    """A rule that cheats: the best of the six baselines by labels, on other seeds if there are."""
    same = [case for case in cases if case.field.set == field.set]
    judges = [case for case in same if case.field.seed != field.seed] or same
    mean = np.mean([case.truth for case in judges], axis=0)
    known = np.array([name in BASELINES for name in field.policies])
    return np.where(known, mean, -np.inf)


def pooled_spearman(cases: Sequence[Case], column: str) -> float:
    """Of a criterion with accuracy over all policies of all sets at once, as the paper pools."""
    x = np.concatenate([case.field.columns[column] for case in cases])
    y = np.concatenate([case.truth for case in cases])
    return float(spearmanr(x, y)[0])
