"""Accuracy by seconds of the processor, and the best encoder of each budget."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.experiments.encoder.runs import Config, Run, result

KINDS = ("supervised", "rotation")


def iterations_of(seconds: float, step: float) -> int:
    """Steps that fit, each of `step` seconds."""
    return max(1, round(seconds / step))


def accuracies(
    config: Config,
    name: str,
    budgets: dict[str, list[float]],
    steps: dict[str, float],
    policy: str,
    seeds: list[int],
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Runs of all seeds by budget and side, the sides in turn; `steps` are seconds of one step."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for seed in seeds:
        for seconds in sorted({s for chosen in budgets.values() for s in chosen}):
            for side, chosen in budgets.items():
                if seconds in chosen:
                    length = iterations_of(seconds, steps[side])
                    run = result(config, Run(name, side, policy, seed, length))
                    found.setdefault(f"{seconds:g}", {}).setdefault(side, []).append(run)
    return found


def middle(runs: list[dict[str, Any]], kind: str) -> float:
    """The median over seeds."""
    return float(statistics.median(run[kind] for run in runs))


def best(sides: dict[str, list[dict[str, Any]]], kind: str) -> str:
    """The side with the highest median."""
    return max(sides, key=lambda side: middle(sides[side], kind))


def beyond(sides: dict[str, list[dict[str, Any]]], one: str, other: str, kind: str) -> bool:
    """Whether every seed of `one` is above every seed of `other`."""
    return bool(min(run[kind] for run in sides[one]) > max(run[kind] for run in sides[other]))
