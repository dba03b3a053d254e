"""Sums of z-scores of several criteria, chosen on all sets but one and judged on that one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import rankdata

from benchmarks.experiments.correlation.analysis import PRODUCT, SUPERVISED, Measured
from benchmarks.experiments.correlation.criteria import RETRIEVAL, ROTATION
from benchmarks.experiments.correlation.statistics import correlations, regret, top_half

_POOL = (
    ROTATION,
    PRODUCT,
    "rotation, cross-entropy",
    "rotation, stages",
    "rotation, half turn",
    "rotation, joint",
    RETRIEVAL,
    "retrieval, whitened",
    "retrieval, stage2",
    "retrieval, projections",
    "infonce",
    "infonce, whitened",
    "alignment",
    "uniformity",
    "rankme",
    "rankme, projections",
    "lidar",
    "alpha-req",
    "loss",
)
Judged = dict[str, float]


def _z(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-12))


def _ranks(values: np.ndarray) -> np.ndarray:
    return _z(rankdata(values))


def _judged(one: Measured, keys: tuple[str, ...], ranks: bool) -> Judged:
    scaled = _ranks if ranks else _z
    x = np.sum([scaled(one.mean(key)) for key in keys], axis=0)
    y = one.mean(SUPERVISED)
    top = top_half(y)
    return {
        "all": correlations(x, y)["spearman"],
        "top_half": correlations(x[top], y[top])["spearman"],
        "regret_1": regret(x, y, 1),
    }


def leave_one_set_out(sets: dict[str, list[Measured]], ranks: bool = False) -> list[dict[str, Any]]:
    """For each set: the best single, pair and triple by the other sets' mean of Spearman over all
    and within the top half, with what it reaches on the set left out; the fixed ones beside it.
    """
    options = [keys for size in (1, 2, 3) for keys in combinations(_POOL, size)]
    tables = {
        name: [[_judged(one, keys, ranks) for one in parts] for keys in options]
        for name, parts in sets.items()
    }
    worth = {
        name: [float(np.mean([j["all"] + j["top_half"] for j in row])) / 2 for row in rows]
        for name, rows in tables.items()
    }
    fixed = [(ROTATION,), (RETRIEVAL,), (ROTATION, RETRIEVAL), (PRODUCT,)]
    found = []
    for name, rows in tables.items():
        others = [other for other in sets if other != name]
        chosen = [("fixed", keys) for keys in fixed]
        for size in (1, 2, 3) if others else ():
            places = [i for i, keys in enumerate(options) if len(keys) == size]
            best = max(places, key=lambda i: float(np.mean([worth[o][i] for o in others])))
            chosen.append((f"best of {size}", options[best]))
        for how, keys in chosen:
            row = rows[options.index(keys)]
            line = {key: float(np.mean([j[key] for j in row])) for key in row[0]}
            found.append({"left_out": name, "how": how, "keys": list(keys), **line})
    return found
