"""The additive model score = candidate + seed + noise, fitted by least squares.

Candidates of a rung share seeds, hence images, batches, crops and first weights, so a lucky seed
lifts all of them. With every seed present for every candidate the fit gives the plain means; where
some are missing it compares candidates as if they had had the same seeds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Fit:
    """Means over all seeds per candidate, and the noise: its deviation and degrees of freedom."""

    means: dict[str, float]
    deviation: float
    freedom: int
    _place: dict[str, int]
    _unscaled: np.ndarray

    def separates(self) -> float | None:
        """p-value of the hypothesis that all candidates are equal (F test); None without residuals
        to compare with.
        """
        count = len(self.means)
        if not self.freedom or count < 2:
            return None
        if self.deviation == 0.0:
            return 0.0 if len({round(m, 9) for m in self.means.values()}) > 1 else 1.0
        contrasts = np.zeros((count - 1, len(self._unscaled)))
        for row in range(count - 1):
            contrasts[row, row], contrasts[row, row + 1] = 1.0, -1.0
        ordered = [self.means[key] for key in sorted(self.means, key=self._place.__getitem__)]
        steps = np.array([a - b for a, b in itertools.pairwise(ordered)])
        spread = contrasts @ self._unscaled @ contrasts.T
        statistic = float(steps @ np.linalg.pinv(spread) @ steps) / (count - 1)
        return float(stats.f.sf(statistic / self.deviation**2, count - 1, self.freedom))

    def variance_ratio(self) -> float | None:
        """Variance between candidates over the variance of the noise between seeds; 0 where no
        difference shows, None without residuals or without noise.

        The variance of the means is that of the candidates plus that of their errors, which is
        taken off.
        """
        keys = sorted(self.means)
        if not self.freedom or len(keys) < 2 or self.deviation == 0.0:
            return None
        pairs = list(itertools.combinations(keys, 2))
        errors = math.fsum(self.error_of_difference(a, b) ** 2 for a, b in pairs) / len(pairs)
        observed = float(np.var([self.means[key] for key in keys], ddof=1))
        return max(0.0, observed - errors / 2.0) / self.deviation**2

    def error_of_difference(self, one: str, other: str) -> float:
        """Standard error of the difference of two candidates."""
        i, j = self._place[one], self._place[other]
        variance = self._unscaled[i, i] + self._unscaled[j, j] - 2.0 * self._unscaled[i, j]
        return self.deviation * math.sqrt(max(0.0, float(variance)))


def fit(scores: Mapping[str, Mapping[int, float]]) -> Fit:
    """Fit the scores of a rung, by candidate and seed; each candidate has at least one."""
    candidates = sorted(scores)
    seeds = sorted({seed for row in scores.values() for seed in row})
    place = {candidate: index for index, candidate in enumerate(candidates)}
    column = {seed: len(candidates) + index for index, seed in enumerate(seeds)}
    observed = [(c, s, value) for c in candidates for s, value in sorted(scores[c].items())]
    design = np.zeros((len(observed), len(candidates) + len(seeds)))
    for row, (candidate, seed, _) in enumerate(observed):
        design[row, place[candidate]] = design[row, column[seed]] = 1.0
    values = np.array([value for _, _, value in observed])
    unscaled = np.linalg.pinv(design.T @ design)
    effects = unscaled @ design.T @ values
    common = float(effects[len(candidates) :].mean())
    freedom = len(observed) - int(np.linalg.matrix_rank(design))
    squares = float(((values - design @ effects) ** 2).sum())
    # Rounding must not become a difference, or noise to compare one with.
    deviation = math.sqrt(squares / freedom) if freedom and squares > _ROUNDING**2 else 0.0
    means = {candidate: float(effects[place[candidate]]) + common for candidate in candidates}
    return Fit(means, deviation, freedom, place, unscaled)
