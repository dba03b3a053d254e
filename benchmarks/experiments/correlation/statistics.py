"""Agreement of a criterion with supervised accuracy over policies, with bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, pearsonr, rankdata, spearmanr

Array = np.ndarray
_DRAWS = 1000


def _rows_pearson(x: Array, y: Array) -> Array:
    """Pearson correlation of each row of x with that of y; 0 where one is constant."""
    a, b = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    size = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    found: Array = np.divide((a * b).sum(1), size, out=np.zeros_like(size), where=size > 1e-12)
    return found


def _rows_spearman(x: Array, y: Array) -> Array:
    return _rows_pearson(rankdata(x, axis=1), rankdata(y, axis=1))


def _rows_kendall(x: Array, y: Array) -> Array:
    a = np.sign(x[:, :, None] - x[:, None, :]).reshape(len(x), -1)
    b = np.sign(y[:, :, None] - y[:, None, :]).reshape(len(y), -1)
    size = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    found: Array = np.divide((a * b).sum(1), size, out=np.zeros_like(size), where=size > 0)
    return found


def correlations(x: Array, y: Array) -> dict[str, float]:
    """Spearman, Pearson and Kendall's tau-b; 0 where one of the two is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return {"spearman": 0.0, "pearson": 0.0, "kendall": 0.0}
    return {
        "spearman": float(spearmanr(x, y)[0]),
        "pearson": float(pearsonr(x, y)[0]),
        "kendall": float(kendalltau(x, y)[0]),
    }


def intervals(x: Array, y: Array, owners: Array, seed: int = 0) -> dict[str, list[float]]:
    """95 % percentile intervals; policies (`owners` of the points) are drawn with replacement, and
    with each all of its points, so that two schedules of one policy count as one observation.
    """
    names = np.unique(owners)
    points = [np.flatnonzero(owners == name) for name in names]
    if len({len(p) for p in points}) > 1:  # an uneven cut, such as the top half of a pool
        points = [np.array([i]) for i in range(len(x))]
    table = np.stack(points)
    draws = np.random.default_rng(seed).integers(len(table), size=(_DRAWS, len(table)))
    chosen = table[draws].reshape(_DRAWS, -1)
    rows = (("spearman", _rows_spearman), ("pearson", _rows_pearson), ("kendall", _rows_kendall))
    found = {}
    for name, statistic in rows:
        values = np.concatenate(
            [statistic(x[part], y[part]) for part in np.array_split(chosen, 10)]
        )
        found[name] = [round(float(v), 3) for v in np.quantile(values, (0.025, 0.975))]
    return found


def top_half(y: Array) -> Array:
    """Places of the better half by supervised accuracy."""
    return np.argsort(-y, kind="stable")[: (len(y) + 1) // 2]


def regret(x: Array, y: Array, first: int) -> float:
    """Points of accuracy lost by keeping the best of the `first` policies by x."""
    kept = np.argsort(-x, kind="stable")[:first]
    return 100.0 * float(y.max() - y[kept].max())


@dataclass(frozen=True)
class Points:
    """One number per policy (or per policy and schedule); larger x should mean larger y."""

    x: Array
    y: Array
    owners: Array
    collapsed: Array

    def at(self, places: Array) -> Points:
        return Points(self.x[places], self.y[places], self.owners[places], self.collapsed[places])


def summary(points: Points, *, with_intervals: bool = True) -> dict[str, object]:
    """Correlations over all, the top half, and all without collapsed runs; regrets."""
    healthy = np.flatnonzero(~points.collapsed)
    found: dict[str, object] = {
        "policies": len(points.x),
        "regret_1": regret(points.x, points.y, 1),
        "regret_3": regret(points.x, points.y, 3),
    }
    parts = {"all": points, "top_half": points.at(top_half(points.y))}
    if len(healthy) < len(points.x):
        parts["without_collapsed"] = points.at(healthy)
    for name, part in parts.items():
        ranges = intervals(part.x, part.y, part.owners) if with_intervals else {}
        found[name] = {**correlations(part.x, part.y), "intervals": ranges}
    return found


def reliability(per_seed: Array) -> float | None:
    """Of the mean over seeds, of an array (policies, seeds): the mean Spearman correlation between
    two seeds, stepped up by the formula of Spearman and Brown. None with one seed.
    """
    count = per_seed.shape[1]
    if count < 2:
        return None
    pairs = [
        float(spearmanr(per_seed[:, i], per_seed[:, j])[0]) for i in range(count) for j in range(i)
    ]
    between = max(0.0, float(np.mean(pairs)))
    return float(count * between / (1.0 + (count - 1) * between))
