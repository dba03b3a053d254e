"""Whether an encoder tells policies apart: that is what a search wants of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.experiments.encoder.accuracy import iterations_of
from benchmarks.experiments.encoder.runs import Config, Run, result

#: From no augmentation to strong ones, one of which teaches invariance to what is asked for.
POLICIES = ["none", "cutout", "crop_flip", "moco_v2", "rand_augment(2,9)", "crop + rotate 180"]


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(spearmanr(x, y)[0])


def variance_ratio(scores: np.ndarray) -> float:
    """Variance of the means over seeds of (policies, seeds), over that variance if there were noise
    between seeds alone. Seeds are pairs of the same images and weights: what a seed adds to all
    policies alike is no noise of a ranking and is taken out.
    """
    count = scores.shape[1]
    means = scores.mean(1)
    rest = scores - means[:, None] - (scores.mean(0) - scores.mean())[None, :]
    noise = (rest**2).sum() / ((len(scores) - 1) * (count - 1))
    return float(means.var(ddof=1) * count / max(noise, 1e-12))


def separation(
    config: Config,
    name: str,
    sides: list[str],
    seconds: float,
    steps: dict[str, float],
    seeds: list[int],
    policies: list[str],
) -> dict[str, dict[str, Any]]:
    """By side: rotation and accuracy of (policies, seeds), what they say of one another, and
    how far the rotation of a side agrees with the accuracy that all sides find on average.
    """
    found: dict[str, dict[str, Any]] = {}
    for seed in seeds:
        for policy in policies:
            for side in sides:
                length = iterations_of(seconds, steps[side])
                run = result(config, Run(name, side, policy, seed, length))
                rows = found.setdefault(side, {"rotation": {}, "supervised": {}})
                for kind, by_policy in rows.items():
                    by_policy.setdefault(policy, []).append(run[kind])
    tables = {
        side: {kind: np.array([rows[kind][p] for p in policies]) for kind in rows}
        for side, rows in found.items()
    }
    truth = np.mean([table["supervised"].mean(1) for table in tables.values()], axis=0)
    for side, table in tables.items():
        rotation, own = table["rotation"], table["supervised"].mean(1)
        found[side] |= {
            "variance_ratio": variance_ratio(rotation),
            "spread_points": 100 * float(np.ptp(rotation.mean(1))),
            "between_seeds": _spearman(rotation[:, 0], rotation[:, -1]),
            "own_accuracy": _spearman(rotation.mean(1), own),
            "accuracy_of_all": _spearman(rotation.mean(1), truth),
        }
    return found
