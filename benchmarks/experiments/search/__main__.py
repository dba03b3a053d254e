"""bench-search: trials and seconds until a strategy is ahead with a policy within 0.5 points of the
best of a pool of 48, all of which were trained to the end.

Trials are looked up, so that each strategy can be replayed with every seed; their seconds are those
of the processor when the pool was trained. What is ahead is judged by the scores of the same seed
at full length, as a search of all 48 would see them; and, for what one seed is worth, by the mean
over all seeds. Plain Optuna (TPE with its asynchronous halving) has the same trial function and no
baselines.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.experiments.search import pool
from benchmarks.experiments.search.replay import Moment, replay, replay_optuna
from benchmarks.harness.report import write

_NEAR = 0.005
_COUNT = 42
STRATEGIES: dict[str, dict[str, Any]] = {
    "grid": {"kind": "grid", "points": 14},
    "random": {"kind": "random", "candidates": _COUNT},
    "halving": {"kind": "successive_halving", "candidates": _COUNT, "rungs": pool.RUNGS},
    "halving, 12 candidates": {"kind": "successive_halving", "candidates": 12, "rungs": pool.RUNGS},
    "halving, TPE": {
        "kind": "successive_halving",
        "candidates": 24,
        "rungs": pool.RUNGS,
        "proposals": "tpe",
    },
    "halving, evolution": {
        "kind": "successive_halving",
        "candidates": 24,
        "rungs": pool.RUNGS,
        "proposals": "evolution",
    },
    "asha": {
        "kind": "asha",
        "candidates": _COUNT,
        "rungs": pool.RUNGS,
        "concurrency": 2,
    },
    "asha, TPE": {
        "kind": "asha",
        "candidates": _COUNT,
        "rungs": pool.RUNGS,
        "concurrency": 2,
        "proposals": "tpe",
    },
}


def _arrived(moments: list[Moment], truth: dict[str, float], best: float) -> Moment | None:
    """The moment from which on what is ahead is near the best; None where it never is."""
    since = None
    for moment in moments:
        if truth[moment.ahead] < best - _NEAR:
            since = None
        elif since is None:
            since = moment
    return since


def _summary(
    name: str, runs: list[list[Moment]], truths: list[dict[str, float]], mean: dict[str, float]
) -> dict[str, Any]:
    arrived = [
        _arrived(moments, truth, max(truth.values()))
        for moments, truth in zip(runs, truths, strict=True)
    ]
    reached = [moment for moment in arrived if moment is not None]
    regrets = [
        100 * (max(truth.values()) - truth[moments[-1].ahead])
        for moments, truth in zip(runs, truths, strict=True)
    ]
    over_seeds = [100 * (max(mean.values()) - mean[moments[-1].ahead]) for moments in runs]
    middle = (
        f"{statistics.median(m.trials for m in reached):6.0f} trials "
        f"{statistics.median(m.iterations for m in reached):8.0f} iterations "
        f"{statistics.median(m.seconds for m in reached):7.1f} s"
        if reached
        else f"{'never':>41}"
    )
    print(
        f"{name:24} near in {len(reached)} of {len(runs)}: {middle}; whole search "
        f"{statistics.median(run[-1].seconds for run in runs):6.1f} s, regret at its end "
        f"{statistics.median(regrets):.2f}, over all seeds "
        f"{statistics.median(over_seeds):.2f} points",
        flush=True,
    )
    return {
        "arrived": [vars(moment) if moment else None for moment in arrived],
        "whole": [vars(run[-1]) for run in runs],
        "regret_points": regrets,
        "regret_points_over_seeds": over_seeds,
    }


def main() -> None:
    """Train the pool where that is still to do, replay, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--set", default="animal-mnist")
    parser.add_argument("--encoder", default="resnet_tiny")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=135)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = parser.parse_args()
    if options.quick:
        options.iterations, options.batch_size = 9, 8
    torch.set_num_threads(1)
    table = pool.load(options)
    everyone = pool.candidates()
    full = pool.rungs(options)[-1]
    truth = {
        c.key: statistics.fmean(table[f"{c.key}/{seed}/{full}"]["score"] for seed in options.seeds)
        for c in everyone
    }
    own = [
        {c.key: table[f"{c.key}/{seed}/{full}"]["score"] for c in everyone}
        for seed in options.seeds
    ]
    best = max(truth.values())
    order = sorted(everyone, key=lambda c: -truth[c.key])
    near = sum(value >= best - _NEAR for value in truth.values())
    whole = sum(found["seconds"] for found in table.values()) / len(options.seeds)
    print(
        f"pool of {len(everyone)}: best {order[0].policy.name}, {100 * best:.1f} %; {near} within "
        f"0.5 points; all of it takes {whole:.0f} s of the processor for one seed"
    )
    samples: dict[str, Any] = {}

    def add(name: str, run: Callable[[int], list[Moment]]) -> None:
        samples[name] = _summary(name, [run(seed) for seed in options.seeds], own, truth)

    def ours(strategy: dict[str, Any], seed: int) -> list[Moment]:
        return replay(pool.spec_of(options, strategy, seed), table)

    for name, strategy in STRATEGIES.items():
        add(name, partial(ours, strategy))
    keys = pool.keys_of_grid()
    add("optuna, TPE + halving", lambda s: replay_optuna(keys, pool.rungs(options), table, s))
    results = {
        "options": {k: v for k, v in vars(options).items() if k != "quick"},
        "pool_seconds": whole,
        "truth": {c.policy.name: truth[c.key] for c in order},
        "strategies": samples,
    }
    write("search", results, [], options.quick)


if __name__ == "__main__":
    main()
