"""Whether the label-free ranking of policies survives a warm start, and what it costs."""

from __future__ import annotations

import json
import statistics
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.experiments.hpt.configurations import Config
from benchmarks.experiments.hpt.speed import mean
from benchmarks.harness.report import RESULTS

STARTS = ("scratch", "warm_up", "base")


def supervised_truth(name: str, schedule: int) -> dict[str, float]:
    """Accuracy with labels of each policy of the field, from `make bench-correlation`: trained from
    scratch for `schedule` iterations, in runs that have nothing in common with those here.
    """
    samples = json.loads((RESULTS / "correlation.json").read_text())["samples"]
    runs = samples["runs"][f"{name} {schedule} final"]
    return {
        policy: statistics.fmean(seeds)
        for policy, seeds in zip(runs["policies"], runs["supervised"], strict=True)
    }


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


def rankings(config: Config, name: str) -> dict[str, Any]:
    """Rotation after each start, at equal length and at a tenth, against the truth; `own_spearman`
    is against the accuracy after the same start at full length.

    The policies are every n-th of the field, so that weak, good and destructive ones are among
    them. `cost` is iterations per candidate with its share of a warm-up, without those of a base.
    """
    known = supervised_truth(name, config.truth)
    places = np.linspace(0, len(known) - 1, min(config.policies, len(known))).round().astype(int)
    names = [list(known)[place] for place in places]
    truth = np.array([known[policy] for policy in names])
    long, short = config.ranked, max(1, config.ranked // 10)
    found: dict[str, Any] = {"policies": names, "truth": truth.tolist(), "starts": {}}
    for start in STARTS:
        runs = {
            length: [
                mean(
                    config,
                    config.seeds,
                    name=name,
                    start=start,
                    iterations=length,
                    policy=policy,
                    ranking=True,
                )
                for policy in names
            ]
            for length in (long, short)
        }
        own = np.array([run["supervised"] for run in runs[long]])
        for length, some in runs.items():
            rotation = np.array([run["rotation"] for run in some])
            shared = long / len(names) if start == "warm_up" else 0.0
            found["starts"][f"{start} {length}"] = {
                **agreement(rotation, truth),
                "own_spearman": _spearman(rotation, own),
                "cost": length + shared,
                "rotation": rotation.tolist(),
                "supervised": [run["supervised"] for run in some],
                "spread_of_supervised": float(np.std([run["supervised"] for run in some])),
            }
    return found
