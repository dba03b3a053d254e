"""bench-selected: is what the default search selects as good, by labels, as the best baseline?

On each of the four sets the default search runs whole, without labels. The selected policy and the
six baselines are then pretrained with other seeds for the full length, and a linear probe with
labels is measured on images that the search never had. Options after `--`; see `--help`.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.datasets.labelled import Split
from benchmarks.experiments.correlation.collect import (
    Config,
    arguments,
    config_of,
    load_split,
    stored_run,
)
from benchmarks.experiments.correlation.supervised import supervised_accuracy
from benchmarks.harness.offline import Offline, search
from benchmarks.harness.report import target, write
from quarterturn.policy.recipes import BASELINES
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.hardware import choose_device
from quarterturn.search.evidence import assess
from quarterturn.search.selection import select
from quarterturn.search.spec import parse_search
from quarterturn.search.standing import standing

_EPOCHS = 200


def _accuracies(config: Config, name: str, policy: Policy, parts: Split) -> list[float]:
    """Supervised accuracy with each seed."""
    found = []
    for seed in config.seeds:
        stored = torch.load(
            stored_run(config, name, policy, seed, max(config.schedules)), weights_only=True
        )["final"]
        found.append(
            supervised_accuracy(
                stored["pretrain"]["features"], stored["evaluation"]["features"], parts
            )
        )
    return found


def _searched(
    config: Config, name: str, parts: Split, iterations: int, criterion: str
) -> tuple[Policy, Offline]:
    spec = parse_search(
        {
            "iterations": iterations,
            "seed": 100,
            "scoring": {"criterion": criterion},
            "pretraining": {"encoder": config.encoder, "batch_size": config.batch_size},
        }
    )
    data = parts.trial_data(choose_device(config.device))
    with tempfile.TemporaryDirectory() as folder:
        done = search(spec, data, Path(folder))
    candidates = list(done.candidates.values())
    ranking = standing(spec, candidates, done.history())
    policy = select(spec, candidates, ranking, {})
    evidence = assess(ranking, criterion)
    reasons = ", ".join(code for code, _ in evidence.reasons)
    print(f"{name}: selected {policy.name}, evidence {evidence.level} ({reasons})", flush=True)
    return policy, done


def _compare(config: Config, name: str, iterations: int, criterion: str) -> dict[str, Any]:
    parts = load_split(name, config.most)
    policy, done = _searched(config, name, parts, iterations, criterion)
    chosen = policy.model_copy(update={"name": f"selected-{policy.digest[:12]}"})
    spent = sum(record.iterations_run for record in done.records.values())
    full = _EPOCHS * len(parts.images["pretrain"]) / config.batch_size
    accuracies = {"selected": _accuracies(config, name, chosen, parts)}
    for make in BASELINES.values():
        accuracies[make().name] = _accuracies(config, name, make(), parts)
    return {
        "selected": policy.to_document(),
        "accuracies": accuracies,
        "iterations_spent": spent,
        "share_of_full_pretraining": spent / full,
        "seconds": done.seconds,
    }


def _verdict(name: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    accuracies: dict[str, list[float]] = result["accuracies"]
    means = {key: statistics.fmean(values) for key, values in accuracies.items()}
    best = max((key for key in means if key != "selected"), key=means.__getitem__)
    differences = [a - b for a, b in zip(accuracies["selected"], accuracies[best], strict=True)]
    error = (
        statistics.stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else 0.0
    )
    for key, mean in sorted(means.items(), key=lambda item: -item[1]):
        print(f"  {key:20} {100 * mean:5.1f} %  {[round(100 * v, 1) for v in accuracies[key]]}")
    gap = 100 * (means["selected"] - means[best])
    return [
        target(
            f"{name}: points over the best baseline ({best}), plus one standard error",
            gap + 100 * error,
            0.0,
            at_least=True,
        ),
        target(
            f"{name}: share of one pretraining of {_EPOCHS} epochs",
            result["share_of_full_pretraining"],
            1.0,
            at_least=False,
        ),
    ]


def main() -> None:
    """Search and compare on each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    arguments(parser)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--search-iterations", type=int, default=150)
    parser.add_argument("--criterion", default="rotation", help="that selects")
    parser.add_argument("--name", default="selected", help="of the file of results")
    options = parser.parse_args()
    if options.quick:
        options.sets, options.schedules, options.seeds = ["animal-mnist"], [6], [7]
        options.most, options.search_iterations = 500, 4
    config = config_of(options)
    samples: dict[str, Any] = {"options": {k: v for k, v in vars(options).items() if k != "quick"}}
    targets: list[dict[str, Any]] = []
    for name in config.sets:
        samples[name] = _compare(config, name, options.search_iterations, options.criterion)
        targets += _verdict(name, samples[name])
    write(options.name, samples, targets, options.quick)


if __name__ == "__main__":
    main()
