"""bench-candidate: seconds of one candidate, from data to score, on the cores of this machine.

Ours: a trial as a worker runs it, pretraining and all criteria. Against (a) the paper's recipe, PIL
transforms in a DataLoader and a rotation probe of 50 epochs by SGD, and (b) lightly's SimCLR with
its transforms, pretraining alone. The same encoder, images, batch size, iterations and bf16. The
number of loading processes of the others is the best of those tried first.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.experiments.correlation.collect import load_split
from benchmarks.harness.report import spread, target, write
from benchmarks.performance.candidate.lightly import lightly_pretraining
from benchmarks.performance.candidate.paper import paper_pretraining, paper_probe
from quarterturn.policy.recipes import moco_v2, simclr
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import limit_threads
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.spec import PretrainingSpec, TrialSpec
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execute import execute_trial

_GOAL = 5.0


def _seconds(act: Callable[[], Any]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _ours(data: TrialData, spec: TrialSpec) -> Outcome:
    policy = moco_v2() if spec.pretraining.method == "moco_v2" else simclr()
    with tempfile.TemporaryDirectory() as folder:
        return execute_trial(
            spec,
            policy,
            data.pretrain.shape[-1],
            data,
            job="bench",
            candidate="one",
            checkpoints=CheckpointStore(FolderStorage(Path(folder))),
            watch=lambda _: None,
        )


def _fewest_seconds(act: Callable[[int], Any], settings: list[int]) -> int:
    return min(settings, key=lambda workers: _seconds(lambda: act(workers)))


def main() -> None:
    """Time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--set", default="animal-mnist")
    parser.add_argument("--encoder", default="conv4")
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    if options.quick:
        options.iterations, options.epochs, options.repetitions = 5, 1, 1
    warnings.filterwarnings("ignore")
    threads = limit_threads(0)
    data = load_split(options.set, 6000).trial_data(torch.device("cpu"))

    def trial(method: str) -> TrialSpec:
        return TrialSpec.model_validate(
            {
                "pretraining": {"encoder": options.encoder, "method": method},
                "scoring": {},
                "seed": 0,
                "iterations": options.iterations,
                "schedule_iterations": options.iterations,
            }
        )

    moco, contrast = trial("moco_v2"), trial("simclr")
    images = (moco.scoring.probe_train_images, moco.scoring.probe_test_images)

    def pretrain_as(
        recipe: Callable[[TrialData, PretrainingSpec, int, int], Any], spec: TrialSpec, steps: int
    ) -> Callable[[int], Any]:
        return lambda workers: recipe(data, spec.pretraining, steps, workers)

    few = min(20, options.iterations)
    tried = [0, 1, threads] if not options.quick else [0]
    loaders = {
        "paper": _fewest_seconds(pretrain_as(paper_pretraining, moco, few), tried),
        "lightly": _fewest_seconds(pretrain_as(lightly_pretraining, contrast, few), tried),
    }
    print(f"{threads} threads; loading processes that were fastest: {loaders}")
    taken: dict[str, list[float]] = {
        "ours, MoCo": [],
        "paper": [],
        "paper, pretraining": [],
        "ours, SimCLR": [],
        "lightly": [],
    }
    for _ in range(options.repetitions):
        taken["ours, MoCo"].append(_seconds(lambda: _ours(data, moco)))
        started = time.perf_counter()
        encoder = pretrain_as(paper_pretraining, moco, options.iterations)(loaders["paper"])
        taken["paper, pretraining"].append(time.perf_counter() - started)
        paper_probe(encoder, data, images, options.epochs, loaders["paper"])
        taken["paper"].append(time.perf_counter() - started)
        taken["ours, SimCLR"].append(_seconds(lambda: _ours(data, contrast)))
        other = pretrain_as(lightly_pretraining, contrast, options.iterations)
        taken["lightly"].append(_seconds(partial(other, loaders["lightly"])))
    targets = []
    for name, seconds in taken.items():
        print(f"{name:20} {spread(seconds)} s", flush=True)
    for theirs, mine in (("paper", "ours, MoCo"), ("lightly", "ours, SimCLR")):
        ratios = [a / b for a, b in zip(taken[theirs], taken[mine], strict=True)]
        label = f"{theirs}: times the seconds of ours"
        targets.append(target(label, statistics.median(ratios), _GOAL, at_least=True))
    samples = {
        "options": vars(options),
        "threads": threads,
        "loaders": loaders,
        "seconds": taken,
    }
    write("candidate", samples, targets, options.quick)


if __name__ == "__main__":
    main()
