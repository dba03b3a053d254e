"""Recorded steps (CUDA graphs), against steps sent to the device operation by operation."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import torch

from benchmarks.harness.report import spread
from benchmarks.performance.accelerator.parts import Found
from quarterturn.augment import RandomStreams
from quarterturn.policy.recipes import moco_v2
from quarterturn.pretrain import trainer
from quarterturn.pretrain.batches.drawing import batch_of
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.graphs.comparing import Compared, compare
from quarterturn.pretrain.graphs.recording import CudaGraphs, Recorder, recorder_of
from quarterturn.pretrain.packs.stack import Stack
from quarterturn.pretrain.packs.views import views_of_all
from quarterturn.pretrain.spec import PretrainingSpec

_SIZES = (1, 4)
_PLAIN_STEPS, _STEPS, _ROUNDS = 3, 100, 2


class _Again:
    """Records nothing: carries out the step itself. What a CPU has, to try the script."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def record(self, act: Callable[[], None]) -> Callable[[], None]:
        return act

    def synchronise(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def _compared(data: TrialData, spec: PretrainingSpec, size: int, recorder: Recorder) -> Compared:
    """A step after augmentation, alone or of a pack: seconds, and how far apart the ends are."""
    device = data.mean.device
    seeds = range(size)
    runs = [trainer.start(spec, data, data.pretrain.shape[-1], seed) for seed in seeds]
    for seed, run in zip(seeds, runs, strict=True):
        trainer.train(
            run,
            moco_v2(),
            data,
            spec,
            seed=seed,
            until=_PLAIN_STEPS,
            length=10**6,
            watch=lambda _: None,
        )
    batches = {
        seed: batch_of(
            data.pretrain, spec.batch_size, RandomStreams(seed, _PLAIN_STEPS, device=device)
        )
        for seed in seeds
    }
    if size == 1:
        views = trainer.views_of(data, batches[0], moco_v2(), 0, _PLAIN_STEPS)
        return compare(runs[0], views, spec.learning_rate, device, recorder)
    who = [(moco_v2(), seed) for seed in seeds]
    views = views_of_all(data, batches, who, _PLAIN_STEPS)
    return compare(Stack(runs, spec), views, spec.learning_rate, device, recorder)


def _whole(
    data: TrialData, spec: PretrainingSpec, steps: int, rounds: int
) -> dict[CudaGraphs, list[float]]:
    """Steps per second of runs with their augmentation and the recording itself, in turn."""
    rates: dict[CudaGraphs, list[float]] = {"off": [], "on": []}
    for number in range(1 + rounds):
        for asked, found in rates.items():
            run = trainer.start(spec, data, data.pretrain.shape[-1], 0)
            started = time.perf_counter()
            trainer.train(
                run,
                moco_v2(),
                replace(data, cuda_graphs=asked),
                spec,
                seed=0,
                until=steps,
                length=steps,
                watch=lambda _: None,
            )
            if number:
                found.append(steps / (time.perf_counter() - started))
    return rates


def _measured(data: TrialData, spec: PretrainingSpec, size: int, label: str) -> dict[str, Any]:
    """And whether the trainer would choose it, of a run of many steps."""
    device = data.mean.device
    compared = _compared(data, spec, size, recorder_of(device) or _Again(device))
    found = {**asdict(compared), "pays": compared.pays(10_000)}
    print(
        f"{label}: {1e3 * found['step']:.4g} ms, replayed {1e3 * found['replayed']:.4g} ms "
        f"({found['step'] / found['replayed']:.3f} times as fast), recording "
        f"{1e3 * found['recording']:.4g} ms, apart by {found['apart']:.2g}, unrecorded by "
        f"{found['apart_plain']:.2g}: {'chosen' if found['pays'] else 'not chosen'}",
        flush=True,
    )
    return found


def measure_recording(data: TrialData, encoder: str, quick: bool) -> Found:
    """Both methods, alone and in a pack; what cannot be recorded says why."""
    samples: dict[str, Any] = {}
    steps, rounds = (6, 1) if quick else (_STEPS, _ROUNDS)
    for method in ("simclr", "moco_v2"):
        values = {"encoder": encoder, "method": method, "batch_size": 16 if quick else 128}
        spec = PretrainingSpec.model_validate(values)
        for size in _SIZES[:1] if quick and method == "moco_v2" else _SIZES:
            label = f"recorded step, {method}, {size} at once"
            try:
                samples[label] = _measured(data, spec, size, f"{encoder}, {label}")
            except Exception as error:
                samples[label] = {"failed": f"{type(error).__name__}: {error}"}
                print(f"{encoder}, {label}: {samples[label]['failed']}", flush=True)
        rates = _whole(data, spec, steps, rounds)
        label = f"whole runs of {steps} steps, {method}"
        ratio = statistics.median(rates["on"]) / statistics.median(rates["off"])
        samples[label] = rates
        print(
            f"{encoder}, {label}: steps per second {spread(rates['off'])}, recorded "
            f"{spread(rates['on'])}: {ratio:.3f} times",
            flush=True,
        )
    return samples, []
