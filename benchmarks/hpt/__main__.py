"""Collect what is missing, compare, report: `make bench-hpt`."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from typing import Any

from benchmarks.hpt.evidence import rankings, robustness, speed
from benchmarks.hpt.runs import Config
from benchmarks.report import target, write

_PARTS = ("speed", "robustness", "rankings")


def _speed_targets(found: dict[str, Any]) -> list[dict[str, Any]]:
    ratios = {
        name: max((one["iterations_ratio"] or 0.0 for one in part["reached"].values()), default=0)
        for name, part in found.items()
    }
    items = [
        target(f"{name}: times fewer iterations than scratch", ratio, 20, at_least=True)
        for name, ratio in ratios.items()
    ]
    best = max(ratios.values())
    return [*items, target("best set: times fewer iterations", best, 80, at_least=True)]


def _robust_targets(name: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        target(
            f"{name}: points that HPT loses less than scratch, {kind}",
            100 * (found["scratch"][f"mean_drop_{kind}"] - found["hpt"][f"mean_drop_{kind}"]),
            0.0, at_least=True,
        )
        for kind in ("policies", "shares")
    ]  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--base", default="cifar10", help="a set, or a file of weights")
    parser.add_argument("--sets", nargs="+", default=["animal-mnist", "wesnoth", "emoji", "mnist"])
    parser.add_argument("--encoder", default="resnet_tiny")
    parser.add_argument("--base-iterations", type=int, default=3000)
    parser.add_argument(
        "--scratch", nargs="+", type=int, default=[50, 100, 200, 400, 800, 1600], help="budgets"
    )
    parser.add_argument(
        "--warm", nargs="+", type=int, default=[5, 10, 20, 40, 80, 160, 400], help="budgets"
    )
    parser.add_argument("--robust", type=int, default=80, help="budget of HPT for robustness")
    parser.add_argument("--shares", nargs="+", type=float, default=[0.01, 0.1, 0.25, 1.0])
    parser.add_argument("--ranked", type=int, default=300, help="full length of rankings")
    parser.add_argument("--policies", type=int, default=16, help="the first of the field")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--most", type=int, default=6000, help="pretraining images")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--parts", nargs="+", default=list(_PARTS), choices=_PARTS)
    return parser.parse_args()


def _config(options: argparse.Namespace) -> Config:
    names = {field.name for field in dataclasses.fields(Config)}
    config = Config(**{key: value for key, value in vars(options).items() if key in names})
    if not options.quick:
        return config
    quick = dataclasses.replace(
        config, base="animal-mnist", sets=["animal-mnist"], base_iterations=4, scratch=[2, 6],
        warm=[1, 3], robust=2, shares=[0.25, 1.0], ranked=4, policies=4, seeds=[0], most=500,
        batch_size=32,
    )  # fmt: skip
    shutil.rmtree(quick.folder, ignore_errors=True)
    return quick


def _shown(name: str, found: dict[str, Any]) -> None:
    for arm, curve in found["curves"].items():
        line = ", ".join(f"{n}: {100 * one['supervised']:.1f}" for n, one in curve.items())
        print(f"{name} {arm:8} {line}")
    print(
        f"{name} direct transfer {100 * found['direct_transfer']:.1f}, goal "
        f"{100 * found['goal']:.1f} at {found['scratch_iterations']}: {found['reached']}"
    )


def main() -> None:
    """Entry point."""
    options = _options()
    config = _config(options)
    samples: dict[str, Any] = {"config": dataclasses.asdict(config), "parts": options.parts}
    targets: list[dict[str, Any]] = []
    if "speed" in options.parts:
        samples["speed"] = {name: speed(config, name) for name in config.sets}
        for name, found in samples["speed"].items():
            _shown(name, found)
        targets += _speed_targets(samples["speed"])
    if "robustness" in options.parts:
        samples["robustness"] = {name: robustness(config, name) for name in config.sets}
        for name, found in samples["robustness"].items():
            targets += _robust_targets(name, found)
    if "rankings" in options.parts:
        samples["rankings"] = {name: rankings(config, name) for name in config.sets}
        for name, found in samples["rankings"].items():
            for key, one in found.items():
                if isinstance(one, dict):
                    print(name, key, {k: v for k, v in one.items() if k != "rotation"})
    write("hpt", samples, targets, options.quick)


if __name__ == "__main__":
    main()
