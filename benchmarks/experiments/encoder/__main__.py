"""Measure what is missing, compare, report: `make bench-encoder`.

All seconds are those of the processor, with one thread. Before anything is trained, a step of each
side is timed, all in turn; a budget is then a number of steps, a whole schedule of that length.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch

from benchmarks.experiments.encoder.accuracy import accuracies, best, beyond
from benchmarks.experiments.encoder.formats import formats, machine
from benchmarks.experiments.encoder.runs import Config
from benchmarks.experiments.encoder.separation import POLICIES, separation
from benchmarks.experiments.encoder.speed import speeds, step_seconds
from benchmarks.experiments.encoder.tables import (
    accuracy_table,
    format_table,
    separation_table,
    speed_table,
)
from benchmarks.harness.report import target, write
from quarterturn.pretrain.spec import PretrainingSpec

DEFAULT = PretrainingSpec().encoder
_RUNS = Path(".quarterturn/bench/encoder")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--sets", nargs="+", default=["animal-mnist", "cifar10", "emoji"])
    parser.add_argument("--encoders", nargs="+", default=["resnet_tiny", "resnet_small", "conv4"])
    parser.add_argument("--budgets", nargs="+", type=float, default=[4, 10, 25])
    parser.add_argument(
        "--others",
        nargs="*",
        default=["resnet_small fp32", "conv4 fp32", "mobilenet_v2", "early", "patch4"],
        help="compared at the middle budget only",
    )
    parser.add_argument("--separated", nargs="*", default=["animal-mnist", "cifar10"])
    parser.add_argument("--separating", nargs="+", default=["resnet_small", "conv4"])
    parser.add_argument("--policies", nargs="+", default=POLICIES)
    parser.add_argument("--policy", default="moco_v2", help="of the accuracies")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--most", type=int, default=6000, help="pretraining images")
    parser.add_argument("--rounds", type=int, default=15, help="of timing")
    options = parser.parse_args()
    if options.quick:
        options.sets = options.separated = ["animal-mnist"]
        options.budgets, options.others, options.rounds = [0.5, 1], ["resnet_small fp32"], 2
        options.policies, options.most = POLICIES[:3], 1000
    return options


def _timed(config: Config, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Kept, or runs that were measured before would not be found again."""
    path = config.folder / name / "speeds.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    missing = [side for side in [*options.encoders, *options.others] if side not in found]
    if missing:
        found |= speeds(config, name, missing, options.policy, options.rounds)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found))
    return found


def _accuracy_targets(found: dict[str, Any], encoders: list[str]) -> list[dict[str, Any]]:
    """How often the default is the best, and where another is beyond the spread of seeds."""
    cells = [
        {side: runs for side, runs in by_side.items() if side in encoders}
        for by_budget in found.values()
        for by_side in by_budget.values()
    ]
    items = []
    for kind in ("supervised", "rotation"):
        first = [best(sides, kind) for sides in cells]
        share = first.count(DEFAULT) / len(cells)
        items.append(
            target(
                f"{kind}: share of sets and budgets with the default first",
                share,
                0.5,
                at_least=True,
            )
        )
        clear = sum(
            beyond(sides, one, DEFAULT, kind) for sides, one in zip(cells, first, strict=True)
        )
        print(f"{kind}: another beats the default beyond seeds in {clear} of {len(cells)}")
    return items


def main() -> None:
    """Entry point."""
    options = _options()
    torch.set_num_threads(1)
    folder = _RUNS / (f"{options.batch_size}-{options.most}" + "-quick" * options.quick)
    if options.quick:
        shutil.rmtree(folder, ignore_errors=True)
    config = Config(folder, options.most, options.batch_size)
    middle = sorted(options.budgets)[(len(options.budgets) - 1) // 2]
    budgets = {
        **dict.fromkeys(options.encoders, options.budgets),
        **{side: [middle] for side in options.others},
    }
    samples: dict[str, Any] = {"options": vars(options), "machine": machine()}
    print(samples["machine"])
    samples["formats"] = formats(options.encoders, options.rounds)
    print(format_table(samples["formats"]))
    samples |= {"seconds": {}, "accuracy": {}, "separation": {}}
    targets: list[dict[str, Any]] = []
    for name in options.sets:
        samples["seconds"][name] = _timed(config, name, options)
        steps = step_seconds(samples["seconds"][name])
        found = accuracies(config, name, budgets, steps, options.policy, options.seeds)
        samples["accuracy"][name] = found
        print(speed_table(name, samples["seconds"][name], options.batch_size))
        print(accuracy_table(name, found), flush=True)
        if name in options.separated:
            told = samples["separation"][name] = separation(
                config, name, options.separating, middle, steps, options.seeds, options.policies
            )
            print(separation_table(name, told), flush=True)
            most = max(one["variance_ratio"] for one in told.values())
            ratio = told[DEFAULT]["variance_ratio"] / most if DEFAULT in told else 0.0
            targets.append(
                target(
                    f"{name}: the default tells policies apart, of the best",
                    ratio,
                    0.8,
                    at_least=True,
                )
            )
    write(
        "encoder",
        samples,
        _accuracy_targets(samples["accuracy"], options.encoders) + targets,
        options.quick,
    )


if __name__ == "__main__":
    main()
