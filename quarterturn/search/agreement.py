"""Whether the label-free criteria rank candidates alike: Spearman's correlation of each pair."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy import stats

#: Fewer candidates have no rank correlation worth writing down.
FEWEST = 4
_RESAMPLES = 1000


def means_by_candidate(
    measured: Iterable[tuple[str, Mapping[str, Any]]], signs: Mapping[str, int]
) -> dict[str, dict[str, float]]:
    """Mean of each criterion per candidate, larger being better.

    Args:
        measured: (candidate, metrics) of trials of one stage and length.
        signs: of each criterion, 1 or -1.
    """
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for candidate, metrics in measured:
        for name, sign in signs.items():
            value = metrics.get(name)
            if isinstance(value, int | float) and math.isfinite(value):
                values[candidate][name].append(sign * float(value))
    return {
        candidate: {name: math.fsum(found) / len(found) for name, found in row.items()}
        for candidate, row in values.items()
    }


def _interval(one: list[float], other: list[float]) -> tuple[float, float] | None:
    """95 % of the bootstrap over candidates; None where resamples are constant."""
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(one), (_RESAMPLES, len(one)))
    a, b = (stats.rankdata(np.array(values)[drawn], axis=1) for values in (one, other))
    a, b = (ranks - ranks.mean(1, keepdims=True) for ranks in (a, b))
    spread = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    varied = spread > 0
    if varied.sum() < _RESAMPLES // 2:
        return None
    low, high = np.percentile((a * b).sum(1)[varied] / spread[varied], (2.5, 97.5))
    return float(low), float(high)


def agreement(
    means: Mapping[str, Mapping[str, float]], names: Iterable[str]
) -> list[dict[str, Any]]:
    """Rank correlations of all pairs of criteria over candidates.

    Returns:
        `{"criteria": [a, b], "correlation", "low", "high", "candidates"}` each; correlation and
        interval are None with fewer than 4 candidates, or where a criterion is constant.
    """
    found = []
    for a, b in itertools.combinations(names, 2):
        both = [(row[a], row[b]) for row in means.values() if a in row and b in row]
        entry: dict[str, Any] = {
            "criteria": [a, b],
            "correlation": None,
            "low": None,
            "high": None,
            "candidates": len(both),
        }
        one, other = [x for x, _ in both], [y for _, y in both]
        if len(both) >= FEWEST and len(set(one)) > 1 and len(set(other)) > 1:
            entry["correlation"] = float(stats.spearmanr(one, other).statistic)
            bounds = _interval(one, other)
            if bounds is not None:
                entry["low"], entry["high"] = bounds
        found.append(entry)
    return found
