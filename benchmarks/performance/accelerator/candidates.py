"""Whole candidates on a device: one alone, several at once, and as the paper's scripts run one."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.harness.report import spread, target
from benchmarks.performance.accelerator.parts import Found
from benchmarks.performance.candidate.paper import paper_pretraining, paper_probe
from quarterturn.policy.recipes import BASELINES, moco_v2
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.packs.size import SIZES, best_size, throughput
from quarterturn.pretrain.spec import PretrainingSpec, TrialSpec
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execute import execute_trial
from quarterturn.trial.pack import PackedTrial, execute_pack

_TIMES_PAPER, _PROBE_SHARE = 20.0, 0.05
_REPETITIONS, _PACKS, _EPOCHS = 3, 2, 50


def _trial(encoder: str, iterations: int, seed: int = 0) -> TrialSpec:
    """By MoCo v2, as the paper's."""
    return TrialSpec.model_validate(
        {
            "pretraining": {"encoder": encoder, "method": "moco_v2"},
            "scoring": {},
            "seed": seed,
            "iterations": iterations,
            "schedule_iterations": iterations,
        }
    )


@contextmanager
def _checkpoints() -> Iterator[CheckpointStore]:
    with tempfile.TemporaryDirectory() as folder:
        yield CheckpointStore(FolderStorage(Path(folder)))


def measure_alone(data: TrialData, encoder: str, iterations: int, quick: bool) -> Found:
    """Seconds of a trial, of which pretraining and scoring; the first, which warms up, is left out.

    The probe's share is that of all scoring, with the control that trials of a seed have in common.
    """
    spec = _trial(encoder, iterations)
    taken: list[dict[str, float]] = []
    for _ in range(1 + (1 if quick else _REPETITIONS)):
        with _checkpoints() as checkpoints:
            started = time.perf_counter()
            found = execute_trial(
                spec,
                moco_v2(),
                data.pretrain.shape[-1],
                data,
                job="bench",
                candidate="one",
                checkpoints=checkpoints,
                watch=lambda _: None,
            )
            parts = {"pretraining": found.pretraining_seconds, "scoring": found.scoring_seconds}
            taken.append({"whole": time.perf_counter() - started, **parts})
    del taken[0]
    samples = {name: [one[name] for one in taken] for name in taken[0]}
    share = statistics.median(one["scoring"] / one["whole"] for one in taken)
    shown = ", ".join(f"{name} {spread(values)} s" for name, values in samples.items())
    print(f"candidate, {encoder}: {shown}", flush=True)
    name = f"{encoder}: share of scoring in a candidate of {iterations} iterations"
    return samples, [target(name, share, _PROBE_SHARE, at_least=False)]


def measure_packs(data: TrialData, encoder: str, method: str, steps: int, quick: bool) -> Found:
    """Throughput of all sizes that fit, and which a worker would choose."""
    spec = PretrainingSpec.model_validate({"encoder": encoder, "method": method})
    sizes = SIZES[:2] if quick else SIZES
    chosen, _ = best_size(spec, data, moco_v2(), steps, sizes)
    found: list[dict[str, Any]] = []
    for size in sizes:
        measured = throughput(spec, data, moco_v2(), size, steps)
        if measured is None:
            print(f"pack, {encoder}, {method}: {size} do not fit")
            break
        found.append(asdict(measured))
        found[-1]["times_alone"] = measured.rate / found[0]["rate"]
        print(
            f"pack, {encoder}, {method}: {size} at once: {measured.rate:.4g} steps of candidates "
            f"per second, {found[-1]['times_alone']:.3f} times alone, "
            f"{measured.bytes_each / 2**20:.0f} MiB each",
            flush=True,
        )
    print(f"pack, {encoder}, {method}: {chosen} would be chosen", flush=True)
    return {"chosen": chosen, "sizes": found}, []


def measure_packed(data: TrialData, encoder: str, size: int, iterations: int, quick: bool) -> Found:
    """Seconds per candidate of whole packs, with policies of their own, score included."""
    policies = [recipe() for recipe in BASELINES.values()]
    taken = []
    for _ in range(1 if quick else _PACKS):
        trials = [
            PackedTrial(
                _trial(encoder, iterations, seed=place % 2),
                policies[place % len(policies)],
                f"c{place}",
                lambda _: None,
            )
            for place in range(size)
        ]
        with _checkpoints() as checkpoints:
            started = time.perf_counter()
            outcomes = execute_pack(
                trials, data.pretrain.shape[-1], data, job="bench", checkpoints=checkpoints
            )
            for _, outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome
            taken.append((time.perf_counter() - started) / size)
    print(f"candidate, {encoder}, {size} at once: {spread(taken)} s each", flush=True)
    return {"at_once": size, "seconds_each": taken}, []


def measure_paper(
    data: TrialData, encoder: str, iterations: int, quick: bool, packed: dict[str, Any] | None
) -> Found:
    """Seconds of the paper's recipe, once, on as many loading processes as there are cores, over
    those of one of ours in a pack, `packed`.
    """
    spec = _trial(encoder, iterations)
    limits = spec.scoring.probe_train_images, spec.scoring.probe_test_images
    workers = 0 if quick else len(os.sched_getaffinity(0))
    started = time.perf_counter()
    trained = paper_pretraining(data, spec.pretraining, iterations, workers)
    pretrained = time.perf_counter()
    paper_probe(trained, data, limits, 1 if quick else _EPOCHS, workers)
    ended = time.perf_counter()
    samples = {
        "loaders": workers,
        "whole": ended - started,
        "pretraining": pretrained - started,
    }
    print(f"the paper's recipe, {encoder}: {samples['whole']:.4g} s", flush=True)
    if packed is None:
        return samples, []
    times = samples["whole"] / statistics.median(packed["seconds_each"])
    name = f"{encoder}, {packed['at_once']} at once: the paper's recipe takes times the seconds"
    return samples, [target(name, times, _TIMES_PAPER, at_least=True)]
