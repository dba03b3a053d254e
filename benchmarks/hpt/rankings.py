"""Whether the label-free ranking of policies survives a warm start, and what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.correlation.field import field
from benchmarks.hpt.configurations import Config
from benchmarks.hpt.speed import mean

STARTS = ("scratch", "warm_up", "base")


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    return 0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(spearmanr(a, b)[0])


def agreement(criterion: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Rank correlation, the same among the better half, and what the choice loses in points."""
    top = np.argsort(-truth)[: max(3, len(truth) // 2)]
    return {
        "spearman": _spearman(criterion, truth),
        "top_half": _spearman(criterion[top], truth[top]),
        "regret_points": float(100 * (truth.max() - truth[int(criterion.argmax())])),
    }


def chosen(config: Config) -> list[str]:
    """Every n-th policy of the field, so that good, weak and destructive ones are all there."""
    names = [policy.name for policy in field()]
    places = np.linspace(0, len(names) - 1, min(config.policies, len(names))).round().astype(int)
    return [names[place] for place in places]


def rankings(config: Config, name: str) -> dict[str, Any]:
    """Rotation after each start, at equal length and at a tenth, against the supervised accuracy of
    the same policies from scratch at full length with other seeds; `own_spearman` is against the
    accuracy of the same start at full length.

    `cost` is iterations per candidate, with its share of a warm-up, without those of a base.
    """
    names, long = chosen(config), config.ranked
    short = max(1, long // 10)

    def values(seeds: list[int], start: str, iterations: int, key: str) -> np.ndarray:
        runs = (
            mean(
                config, seeds, name=name, start=start, iterations=iterations, policy=policy,
                ranking=True,
            )
            for policy in names
        )  # fmt: skip
        return np.array([run[key] for run in runs])

    truth = values(config.truth_seeds, "scratch", long, "supervised")
    found: dict[str, Any] = {"policies": names, "truth": truth.tolist(), "starts": {}}
    for start in STARTS:
        own = values(config.seeds, start, long, "supervised")
        for iterations in (long, short):
            rotation = values(config.seeds, start, iterations, "rotation")
            shared = long / len(names) if start == "warm_up" else 0.0
            found["starts"][f"{start} {iterations}"] = {
                **agreement(rotation, truth), "own_spearman": _spearman(rotation, own),
                "cost": iterations + shared, "rotation": rotation.tolist(),
                "spread_of_supervised": float(own.std()),
            }  # fmt: skip
    return found
