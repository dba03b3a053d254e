"""Collect what is missing, compare, report: `make bench-hpt`."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from typing import Any

import torch

from benchmarks.experiments.hpt.configurations import CONFIGURATIONS, QUICK, Config
from benchmarks.experiments.hpt.rankings import rankings
from benchmarks.experiments.hpt.robustness import robustness
from benchmarks.experiments.hpt.speed import speed
from benchmarks.experiments.hpt.tables import robust_table, speed_table, start_table
from benchmarks.harness.report import target, write

_PARTS = ("speed", "robustness", "rankings")


def _speed(name: str, config: Config, samples: dict[str, Any]) -> list[dict[str, Any]]:
    items = []
    for chosen in config.sets:
        found = samples[chosen] = speed(config, chosen)
        print(speed_table(f"{name}, {chosen}", found))
        ratio = max(one["iterations_ratio"] or 0.0 for one in found["reached"].values())
        items.append(
            target(
                f"{name}, {chosen}: times fewer iterations than scratch", ratio, 20, at_least=True
            )
        )
    return items


def _best(samples: dict[str, Any]) -> dict[str, Any]:
    """The target of one set, over all configurations."""
    ratios = [
        one["iterations_ratio"] or 0.0
        for parts in samples.values()
        for found in parts["speed"].values()
        for one in found["reached"].values()
    ]
    return target("best set: times fewer iterations", max(ratios), 80, at_least=True)


def _robustness(name: str, config: Config, samples: dict[str, Any]) -> list[dict[str, Any]]:
    items = []
    for chosen in config.robust_sets:
        found = samples[chosen] = robustness(config, chosen)
        print(robust_table(f"{name}, {chosen}", found))
        for kind in ("policies", "shares"):
            key = f"mean_drop_{kind}"
            items.append(
                target(
                    f"{name}, {chosen}: points that HPT loses less than scratch, {kind}",
                    100 * (found["scratch"][key] - found["hpt"][key]),
                    0.0,
                    at_least=True,
                )
            )
    return items


def _rankings(name: str, config: Config, samples: dict[str, Any]) -> list[dict[str, Any]]:
    for chosen in config.ranked_sets:
        found = samples[chosen] = rankings(config, chosen)
        print(start_table(f"{name}, {chosen}", found))
    return []


_RUN = {"speed": _speed, "robustness": _robustness, "rankings": _rankings}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--only", nargs="+", choices=list(CONFIGURATIONS), help="configurations")
    parser.add_argument("--parts", nargs="+", default=list(_PARTS), choices=_PARTS)
    parser.add_argument("--threads", type=int, default=1, help="of torch on a CPU")
    for key in ("sets", "robust-sets", "ranked-sets"):
        parser.add_argument(f"--{key}", nargs="*")
    for key in ("scratch", "warm", "norms", "seeds", "robust"):
        parser.add_argument(f"--{key}", nargs="+", type=int)
    for key in ("base-iterations", "ranked", "policies", "batch-size", "most", "measured"):
        parser.add_argument(f"--{key}", type=int)
    for key in ("base", "encoder", "device"):
        parser.add_argument(f"--{key}")
    parser.add_argument("--learning-rate", type=float)
    return parser.parse_args()


def _configurations(options: argparse.Namespace) -> dict[str, Config]:
    """The named ones with what was said on the command line."""
    if options.quick:
        for config in QUICK.values():
            shutil.rmtree(config.folder, ignore_errors=True)
        return QUICK
    names = {field.name for field in dataclasses.fields(Config)}
    said = {k: v for k, v in vars(options).items() if k in names and v is not None}
    return {
        name: dataclasses.replace(config, **said)
        for name, config in CONFIGURATIONS.items()
        if not options.only or name in options.only
    }


def main() -> None:
    """Entry point."""
    options = _options()
    torch.set_num_threads(options.threads)
    samples: dict[str, Any] = {}
    targets: list[dict[str, Any]] = []
    for name, config in _configurations(options).items():
        samples[name] = {"config": dataclasses.asdict(config)}
        for part in options.parts:
            samples[name][part] = {}
            targets += _RUN[part](name, config, samples[name][part])
    if "speed" in options.parts:
        targets.append(_best(samples))
    write("hpt", samples, targets, options.quick)


if __name__ == "__main__":
    main()
