"""bench-scaling: trials per hour of more workers, and what grows with what.

* The same search on 1, 2 and 4 workers of one thread, against the rate of one times the workers
  that have a core; and what a trial takes beyond its own seconds: message, claim, report, planning.
* Seconds of one trial against the number of images (all of them seen equally often), against the
  image size, and seconds of planning a whole search against its candidates: the slope of a line
  through the logarithms is the exponent.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch

from benchmarks.datasets.animal_mnist import write_archive
from benchmarks.datasets.photographs import pieces
from benchmarks.harness.report import target, write
from core.embedded.stack import Stack
from core.settings import Settings
from quarterturn.client.client import Client
from quarterturn.policy.recipes import moco_v2
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.spec import TrialSpec
from quarterturn.search.history import History
from quarterturn.search.planning import remaining
from quarterturn.search.spec import parse_search
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execute import execute_trial

_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_BATCH = 64


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _rate(archive: Path, workers: int, candidates: int, iterations: int) -> dict[str, float]:
    """Of one search: trials per hour, and seconds that each worker was without a trial."""
    with (
        tempfile.TemporaryDirectory(prefix="quarterturn-scaling-") as folder,
        Stack(Settings(data_dir=Path(folder), port=0, workers=workers)) as stack,
        Client(stack.url) as client,
    ):
        job = client.start(
            client.upload(archive)["id"],
            search_space="photometric",
            seeds=1,
            strategy={"kind": "random", "candidates": candidates},
            iterations=iterations,
            pretraining={"encoder": "resnet_tiny", "batch_size": _BATCH},
        )["id"]
        client.wait(job)
        address = f"{stack.url}/v1/jobs/{job}/trials"
        answer = httpx.get(address, params={"limit": 1000}, trust_env=False)
        trials = answer.raise_for_status().json()["items"]
    # The first trial of each worker also loads torch and the images.
    trials.sort(key=lambda trial: trial["started_at"])
    warm = trials[2 * workers :]
    begun, ended = (
        min(_at(t["started_at"]) for t in warm),
        max(_at(t["finished_at"]) for t in warm),
    )
    busy = sum(t["seconds"] for t in warm)
    wall = ended - begun
    return {
        "per_hour": 3600 * len(warm) / wall,
        "busy": busy / (wall * workers),
        "overhead": max(0.0, wall * workers - busy) / len(warm),
        "seconds": busy / len(warm),
    }


def _exponent(sizes: list[int], seconds: list[float]) -> float:
    return float(np.polyfit([math.log(s) for s in sizes], [math.log(t) for t in seconds], 1)[0])


def _trial(images: torch.Tensor, iterations: int) -> float:
    """Seconds of a trial on these images, half of which are to pretrain on."""
    half, sixth = len(images) // 2, len(images) // 6
    rest = len(images) - half - 2 * sixth
    pretrain, train, test, report = torch.split(images, [half, sixth, sixth, rest])
    middle = torch.full((1, 3, 1, 1), 0.5)
    data = TrialData(pretrain, train, test, report, mean=middle, std=middle / 2)
    spec = TrialSpec.model_validate(
        {
            "pretraining": {"encoder": "resnet_tiny", "batch_size": _BATCH},
            "scoring": {},
            "seed": 0,
            "iterations": iterations,
            "schedule_iterations": iterations,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        execute_trial(
            spec,
            moco_v2(),
            images.shape[-1],
            data,
            job="bench",
            candidate="one",
            checkpoints=CheckpointStore(FolderStorage(Path(folder))),
            watch=lambda _: None,
        )
        return time.perf_counter() - started


def _planned(candidates: int) -> float:
    """Seconds to plan a halving search of so many candidates from beginning to end."""
    spec = parse_search(
        {"strategy": {"kind": "successive_halving", "candidates": candidates, "rungs": 3}}
    )
    started = time.perf_counter()
    remaining(spec, History())
    return time.perf_counter() - started


def _growth(
    name: str, sizes: list[int], cost: Callable[[int], float], repetitions: int
) -> dict[str, Any]:
    cost(sizes[0])
    taken = {size: [cost(size) for _ in range(repetitions)] for size in sizes}
    medians = [statistics.median(taken[size]) for size in sizes]
    exponent = _exponent(sizes, medians)
    shown = ", ".join(
        f"{size}: {median:.3g} s" for size, median in zip(sizes, medians, strict=True)
    )
    print(f"{name}: exponent {exponent:.2f} ({shown})", flush=True)
    return {"exponent": exponent, "seconds": taken}


def main() -> None:
    """Time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--candidates", type=int, default=26)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    quick = options.quick
    if quick:
        options.candidates, options.iterations, options.repetitions = 4, 2, 1
    os.environ["QUARTERTURN_WORKER_THREADS"] = "1"
    torch.set_num_threads(1)
    samples: dict[str, Any] = {"options": vars(options), "workers": {}}
    targets = []
    with tempfile.TemporaryDirectory() as folder:
        archive = write_archive(Path(folder, "animals.zip"), 600 if quick else 3000)
        for workers in (1, 2) if quick else (1, 2, 4):
            found = _rate(archive, workers, options.candidates, options.iterations)
            samples["workers"][workers] = found
            alone = samples["workers"][1]["per_hour"]
            share = found["per_hour"] / (alone * min(workers, _CORES))
            print(
                f"{workers} workers: {found['per_hour']:.0f} trials per hour, {share:.2f} of ideal "
                f"on {_CORES} cores; {1e3 * found['overhead']:.0f} ms per trial beside its own "
                f"{found['seconds']:.2f} s",
                flush=True,
            )
            if workers == min(2, _CORES):
                label = f"{workers} workers: share of the ideal rate"
                targets.append(target(label, share, 0.9, at_least=True))
    one = samples["workers"][1]["overhead"]
    targets.append(target("seconds of queueing per trial, one worker", one, 0.1, at_least=False))
    counts = [600, 1200] if quick else [1200, 2400, 4800]
    samples["images"] = _growth(
        "images",
        counts,
        lambda n: _trial(pieces(28, n), max(2, n // 2 // _BATCH * (1 if quick else 4))),
        options.repetitions,
    )
    sides = [28, 56] if quick else [28, 56, 112]
    samples["side"] = _growth(
        "pixels of a side",
        sides,
        lambda s: _trial(pieces(s, 600), options.iterations),
        options.repetitions,
    )
    samples["candidates"] = _growth(
        "candidates, planning alone",
        [20, 60] if quick else [20, 100, 500, 2500],
        _planned,
        options.repetitions,
    )
    write("scaling", samples, targets, quick)


if __name__ == "__main__":
    main()
