"""From rows of the table to cases: what a rule may see of a set, and what it is judged by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import rankdata

from benchmarks.experiments.decision.families import family_of
from quarterturn.table.rows import PART_ACCURACIES, Row

Array = np.ndarray
#: Names of the six baselines in the table; the first is the incumbent.
BASELINES = ("moco_v2", "simclr", "crop_flip", "rand_augment(2,9)", "trivial_augment", "none")
SHORT = 300
MIN_POLICIES = 20
_LABELED = ("accuracy_by_labels", *PART_ACCURACIES)


def rank(values: Array) -> Array:
    """Ranks from -1 (worst) to 1 (best); what was not measured is worst."""
    ranks = rankdata(np.where(np.isnan(values), -np.inf, values))
    return np.asarray(2.0 * (ranks - 1.0) / max(1, len(ranks) - 1) - 1.0)


def standardize(values: Array) -> Array:
    """Zero mean and unit deviation; what was not measured is at the mean."""
    spread = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
    if spread < 1e-12:
        return np.zeros(len(values))
    return np.asarray(np.nan_to_num((values - np.nanmean(values)) / spread))


@dataclass(frozen=True)
class Field:
    """What a rule may see: the criteria of all policies on one set with one seed."""

    set: str
    seed: int
    policies: tuple[str, ...]
    columns: dict[str, Array]

    @property
    def family(self) -> str:
        """The family of the set."""
        return family_of(self.set)

    @cached_property
    def standardized(self) -> dict[str, Array]:
        """The columns with zero mean and unit deviation over the policies."""
        return {name: standardize(values) for name, values in self.columns.items()}


@dataclass(frozen=True)
class Case:
    """A field and its truth: accuracy by labels, in points, and on each part (parts, policies)."""

    field: Field
    truth: Array
    parts: Array

    @cached_property
    def ranks(self) -> Array:
        """Of the truth, from -1 to 1."""
        return rank(self.truth)

    def accuracy(self, policy: str) -> float:
        """Of a policy by its name."""
        return float(self.truth[self.field.policies.index(policy)])


Table = dict[tuple[str, int, int], dict[str, Row]]


def _index(rows: Iterable[Row], encoder: str) -> Table:
    table: Table = defaultdict(dict)
    for row in rows:
        if row.encoder == encoder:
            table[row.set, row.seed, row.iterations][row.policy] = row
    return table


def _build(name: str, seed: int, seen: Sequence[Row], judged: Sequence[Row]) -> Case:
    criteria = [key for key in seen[0].numbers() if key not in (*_LABELED, "seconds")]
    columns = {key: np.array([getattr(row, key) for row in seen]) for key in criteria}
    truth = 100.0 * np.array([row.accuracy_by_labels for row in judged])
    parts = 100.0 * np.array([[getattr(row, key) for row in judged] for key in PART_ACCURACIES])
    return Case(Field(name, seed, tuple(row.policy for row in seen), columns), truth, parts)


def build_cases(
    rows: Iterable[Row],
    *,
    length: int = SHORT,
    judged: int = SHORT,
    policies: Iterable[str] | None = None,
    encoder: str = "conv4",
    fewest: int = MIN_POLICIES,
) -> list[Case]:
    """Cases of all sets and seeds that have the baselines and `fewest` policies.

    Args:
        length: iterations of the runs that criteria are taken from.
        judged: iterations of the runs that accuracy is taken from.
        policies: these alone; all seeds of a set have the same.
    """
    table = _index(rows, encoder)
    wanted = None if policies is None else set(policies)
    known: dict[str, dict[int, set[str]]] = defaultdict(dict)
    for name, seed, iterations in table:
        if iterations == length and (name, seed, judged) in table:
            both = set(table[name, seed, length]) & set(table[name, seed, judged])
            both = both if wanted is None else both & wanted
            if len(both) >= fewest and "moco_v2" in both:
                known[name][seed] = both
    cases = []
    for name, seeds in known.items():
        shared = sorted(set.intersection(*seeds.values()))
        for seed in sorted(seeds):
            seen, later = (table[name, seed, at] for at in (length, judged))
            cases.append(_build(name, seed, [seen[p] for p in shared], [later[p] for p in shared]))
    return cases


def common_policies(cases: Sequence[Case]) -> list[str]:
    """The policies that all sets have."""
    return sorted(set.intersection(*(set(case.field.policies) for case in cases)))
