"""The additive model score = candidate + seed + noise, fitted by least squares.

Candidates of a rung share seeds, hence images, batches, crops and first weights, so a lucky seed
lifts all of them. With every seed present for every candidate the fit gives the plain means; where
some are missing it compares candidates as if they had had the same seeds.

Seeds are few and candidates may be thousands, so the normal equations are solved for the seeds.
"""

from __future__ import annotations

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
    #: Of each candidate 1 / its observations, and the part of them that each seed has (n, s).
    _inverse: np.ndarray
    _parts: np.ndarray
    #: Covariance of the seeds' effects in units of the noise's variance (s, s).
    _seeds: np.ndarray
    #: Sum of squares between candidates, the seeds' effects taken off.
    _between: float

    def separates(self) -> float | None:
        """p-value of the hypothesis that all candidates are equal (F test); None without residuals
        to compare with.
        """
        count = len(self.means)
        if not self.freedom or count < 2:
            return None
        if self.deviation == 0.0:
            return 0.0 if len({round(m, 9) for m in self.means.values()}) > 1 else 1.0
        statistic = self._between / (count - 1)
        return float(stats.f.sf(statistic / self.deviation**2, count - 1, self.freedom))

    def variance_ratio(self) -> float | None:
        """Variance between candidates over the variance of the noise between seeds; 0 where no
        difference shows, None without residuals or without noise.

        The variance of the means is that of the candidates plus that of their errors, which is
        taken off.
        """
        count = len(self.means)
        if not self.freedom or count < 2 or self.deviation == 0.0:
            return None
        # The mean over all pairs of the variance of their difference, without going through them.
        centred = self._parts - self._parts.mean(0)
        spread = float(((centred @ self._seeds) * centred).sum())
        errors = 2.0 * float(self._inverse.mean()) + 2.0 * spread / (count - 1)
        observed = float(np.var(list(self.means.values()), ddof=1))
        return max(0.0, observed - errors * self.deviation**2 / 2.0) / self.deviation**2

    def errors_of_differences(self, one: str) -> np.ndarray:
        """Standard errors of the differences to all candidates, in the order of their keys; that to
        itself means nothing.
        """
        i = self._place[one]
        apart = self._parts - self._parts[i]
        variance = self._inverse + self._inverse[i] + ((apart @ self._seeds) * apart).sum(1)
        errors: np.ndarray = self.deviation * np.sqrt(np.maximum(variance, 0.0))
        return errors

    def error_of_difference(self, one: str, other: str) -> float:
        """Standard error of the difference of two candidates."""
        return float(self.errors_of_differences(one)[self._place[other]])


def fit(scores: Mapping[str, Mapping[int, float]]) -> Fit:
    """Fit the scores of a rung, by candidate and seed; each candidate has at least one."""
    candidates = sorted(scores)
    seeds = sorted({seed for row in scores.values() for seed in row})
    column = {seed: index for index, seed in enumerate(seeds)}
    values = np.zeros((len(candidates), len(seeds)))
    present = np.zeros((len(candidates), len(seeds)))
    for row, candidate in enumerate(candidates):
        for seed, value in scores[candidate].items():
            values[row, column[seed]], present[row, column[seed]] = value, 1.0
    inverse = 1.0 / present.sum(1)
    parts = present * inverse[:, None]
    # What is left of the normal equations when the candidates are eliminated.
    reduced = np.diag(present.sum(0)) - present.T @ parts
    covariance = np.linalg.pinv(reduced, hermitian=True)
    own = values.sum(1)
    seed_effects = covariance @ (values.sum(0) - parts.T @ own)
    seed_effects = seed_effects - seed_effects.mean()
    effects = inverse * own - parts @ seed_effects
    residuals = (values - effects[:, None] - seed_effects[None, :]) * present
    rank = len(candidates) + int(np.linalg.matrix_rank(reduced, hermitian=True))
    freedom = int(present.sum()) - rank
    squares = float((residuals**2).sum())
    # Rounding must not become a difference, or noise to compare one with.
    deviation = math.sqrt(squares / freedom) if freedom and squares > _ROUNDING**2 else 0.0
    alone = values.sum(0) / present.sum(0)
    without = float((((values - alone[None, :]) * present) ** 2).sum())
    return Fit(
        {candidate: float(effect) for candidate, effect in zip(candidates, effects, strict=True)},
        deviation,
        freedom,
        {candidate: index for index, candidate in enumerate(candidates)},
        inverse,
        parts,
        covariance,
        max(0.0, without - squares),
    )
