"""How much sooner a warm start is as good as the best from scratch."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.experiments.hpt.configurations import Config
from benchmarks.experiments.hpt.runs import Run, result

#: What is compared: start and variant.
ARMS = {"scratch": ("scratch", "full"), "hpt": ("base", "full"), "hpt_bn": ("base", "bn_only")}

Curve = dict[int, dict[str, float]]


def mean(config: Config, seeds: list[int], **run: Any) -> dict[str, float]:
    """Mean over seeds of accuracies and seconds, and the spread of the accuracy."""
    found = [result(config, Run(seed=seed, **run)) for seed in seeds]
    accuracies = [one["supervised"] for one in found]
    document = {
        "supervised": statistics.fmean(accuracies),
        "seconds": statistics.fmean(one["seconds"] for one in found),
        "range": max(accuracies) - min(accuracies),
    }
    if run.get("ranking"):
        document["rotation"] = statistics.fmean(one["rotation"] for one in found)
    return document


def reached(curve: Curve, goal: float, best: int, seconds: float) -> dict[str, Any]:
    """The first budget of `curve` that is as good as scratch after `best` iterations, and how many
    times fewer iterations and seconds of the processor that is; null where none is.
    """
    first = next((n for n in sorted(curve) if curve[n]["supervised"] >= goal), None)
    return {
        "iterations": first,
        "iterations_ratio": best / first if first else None,
        "seconds_ratio": seconds / curve[first]["seconds"] if first else None,
    }


def compared(curves: dict[str, Curve], untrained: float, direct: float) -> dict[str, Any]:
    """How much sooner each arm reaches the best that scratch has over its budgets."""
    scratch = curves["scratch"]
    best = max(scratch, key=lambda n: (scratch[n]["supervised"], -n))
    goal = scratch[best]["supervised"]
    return {
        "curves": curves,
        "goal": goal,
        "scratch_iterations": best,
        "reached": {
            arm: reached(curve, goal, best, scratch[best]["seconds"])
            for arm, curve in curves.items()
            if arm != "scratch"
        },
        "untrained": untrained,
        "direct_transfer": direct,
        "direct_transfer_reaches": direct >= goal,
    }


def speed(config: Config, name: str) -> dict[str, Any]:
    """Accuracy by budget and arm, compared.

    What the base cost is not counted, as in the paper. Each budget has a cosine of its own.
    """
    budgets = {"scratch": config.scratch, "hpt": config.warm, "hpt_bn": config.norms}
    curves: dict[str, Curve] = {
        arm: {
            n: mean(config, config.seeds, name=name, start=start, iterations=n, variant=variant)
            for n in budgets[arm]
        }
        for arm, (start, variant) in ARMS.items()
    }
    untrained, direct = (
        mean(config, config.seeds, name=name, start=start, iterations=0)["supervised"]
        for start in ("scratch", "base")
    )
    return compared(curves, untrained, direct)
