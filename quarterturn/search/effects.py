"""The additive model score = candidate + seed + noise, fitted by least squares.

Candidates of a rung share seeds, hence images, batches, crops and first weights, so a lucky seed
lifts all of them. With every seed present for every candidate the fit gives the plain means; where
some are missing it compares candidates as if they had had the same seeds.

Candidates may be thousands, seeds are at most twenty. So the candidates are eliminated from the
normal equations, and what is solved is as large as the number of seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Fit:
    """Means over all seeds per candidate, and the noise: its deviation and degrees of freedom.

    `_counts` are the trials of each candidate, `_shares` (candidates, seeds) the part of each seed
    in them, `_seeds` the covariance of the effects of seeds. `_between` is what the candidates
    explain beyond the seeds, in sums of squares, with its degrees of freedom.
    """

    means: dict[str, float]
    deviation: float
    freedom: int
    _place: dict[str, int]
    _counts: np.ndarray
    _shares: np.ndarray
    _seeds: np.ndarray
    _between: tuple[float, int]
    _memory: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def separates(self) -> float | None:
        """p-value of the hypothesis that all candidates are equal (F test); None without residuals
        to compare with.
        """
        squares, contrasts = self._between
        if not self.freedom or contrasts < 1:
            return None
        if self.deviation == 0.0:
            return 0.0 if len({round(m, 9) for m in self.means.values()}) > 1 else 1.0
        statistic = squares / contrasts
        return float(stats.f.sf(statistic / self.deviation**2, contrasts, self.freedom))

    def variance_ratio(self) -> float | None:
        """Variance between candidates over the variance of the noise between seeds; 0 where no
        difference shows, None without residuals or without noise.

        The variance of the means is that of the candidates plus that of their errors, which is
        taken off.
        """
        count = len(self.means)
        if not self.freedom or count < 2 or self.deviation == 0.0:
            return None
        # The mean over all pairs of the squared error of their difference.
        own = (count - 1) * float((1.0 / self._counts).sum())
        each = np.einsum("ij,jk,ik->i", self._shares, self._seeds, self._shares)
        total = self._shares.sum(axis=0)
        shared = count * float(each.sum()) - float(total @ self._seeds @ total)
        errors = self.deviation**2 * (own + max(0.0, shared)) / math.comb(count, 2)
        observed = float(np.var(list(self.means.values()), ddof=1))
        return max(0.0, observed - errors / 2.0) / self.deviation**2

    def errors_of_difference(self, one: str) -> np.ndarray:
        """Standard errors (candidates,) of the differences of a candidate from all, in the order of
        their keys; those with the same seeds share them.
        """
        return self._errors_from(self._patterns()[self._place[one]])

    def _patterns(self) -> list[bytes]:
        if "patterns" not in self._memory:
            self._memory["patterns"] = [row.tobytes() for row in self._shares]
        return self._memory["patterns"]  # type: ignore[no-any-return]

    def _errors_from(self, pattern: bytes) -> np.ndarray:
        if pattern not in self._memory:
            shares = np.frombuffer(pattern)
            apart = self._shares - shares
            variances = 1.0 / self._counts + 1.0 / np.count_nonzero(shares)
            variances = variances + np.einsum("ij,jk,ik->i", apart, self._seeds, apart)
            self._memory[pattern] = self.deviation * np.sqrt(np.maximum(0.0, variances))
        found: np.ndarray = self._memory[pattern]
        return found

    def error_of_difference(self, one: str, other: str) -> float:
        """Standard error of the difference of two candidates."""
        return 0.0 if one == other else float(self.errors_of_difference(one)[self._place[other]])


def fit(scores: Mapping[str, Mapping[int, float]]) -> Fit:
    """Fit the scores of a rung, by candidate and seed; each candidate has at least one."""
    candidates = sorted(scores)
    seeds = sorted({seed for row in scores.values() for seed in row})
    values = np.array([[scores[c].get(seed, np.nan) for seed in seeds] for c in candidates])
    there = ~np.isnan(values)
    known = np.where(there, values, 0.0)
    counts = there.sum(axis=1).astype(float)
    shares = there / counts[:, None]
    # Of the seeds, once the candidates are eliminated.
    normal = np.diag(there.sum(axis=0).astype(float)) - there.T.astype(float) @ shares
    covariance = np.linalg.pinv(normal, rcond=1e-10, hermitian=True)
    by_seed = covariance @ (known.sum(axis=0) - shares.T @ known.sum(axis=1))
    effects = known.sum(axis=1) / counts - shares @ by_seed
    common = float(by_seed.mean())
    rank = len(candidates) + int(np.linalg.matrix_rank(normal, tol=1e-8, hermitian=True))
    freedom = int(there.sum()) - rank
    residuals = np.where(there, known - effects[:, None] - by_seed[None, :], 0.0)
    squares = float((residuals**2).sum())
    per_seed = known.sum(axis=0) / there.sum(axis=0)
    without = np.where(there, known - per_seed[None, :], 0.0)
    between = max(0.0, float((without**2).sum()) - squares), rank - len(seeds)
    # Rounding must not become a difference, or noise to compare one with.
    deviation = math.sqrt(squares / freedom) if freedom and squares > _ROUNDING**2 else 0.0
    means = {key: float(effect) + common for key, effect in zip(candidates, effects, strict=True)}
    place = {candidate: index for index, candidate in enumerate(candidates)}
    return Fit(means, deviation, freedom, place, counts, shares, covariance, between)
