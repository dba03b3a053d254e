"""Training on images that are streamed to the device, against the same images resident there."""

from __future__ import annotations

import statistics
import time
from dataclasses import fields
from typing import Any

import torch

from benchmarks.harness.report import spread, target
from benchmarks.performance.accelerator.images import made_up
from benchmarks.performance.accelerator.parts import Found
from quarterturn.policy.recipes import moco_v2
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.spec import PretrainingSpec

#: Pixels, images, batch size and encoder: short steps on small images, and large batches.
_CASES = [(32, 8000, 256, "resnet_tiny"), (224, 2000, 128, "resnet18")]
_ROUNDS = 3
#: Of the speed of resident images.
_SHARE = 0.9


class _Streamed(TrialData):
    """As if its images did not fit, whatever the device."""

    @property
    def is_resident(self) -> bool:
        return False


def _streamed(data: TrialData) -> TrialData:
    parts = {field.name: getattr(data, field.name) for field in fields(data)}
    return _Streamed(**{**parts, "pretrain": data.pretrain.cpu()})


def _rate(run: trainer.Run, data: TrialData, spec: PretrainingSpec, steps: int) -> float:
    """Images per second; the losses come back in the end, so all is done by then."""
    started = time.perf_counter()
    trainer.train(
        run,
        moco_v2(),
        data,
        spec,
        seed=0,
        until=run.step + steps,
        length=10**6,
        watch=lambda _: None,
    )
    return steps * spec.batch_size / (time.perf_counter() - started)


def measure_streaming(device: torch.device, steps: int, quick: bool) -> Found:
    """Images per second of whole steps, both in turn; the first round, which warms up, is left
    out.
    """
    samples: dict[str, Any] = {}
    targets = []
    for size, count, batch, encoder in [(32, 400, 32, "resnet_tiny")] if quick else _CASES:
        there = made_up(size, device, count)
        cases = {"resident": there, "streamed": _streamed(there)}
        spec = PretrainingSpec.model_validate({"encoder": encoder, "batch_size": batch})
        runs = {name: trainer.start(spec, data, size, 0) for name, data in cases.items()}
        rates: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(1 + (1 if quick else _ROUNDS)):
            for name, data in cases.items():
                rate = _rate(runs[name], data, spec, steps)
                if number:
                    rates[name].append(rate)
        label = f"{encoder}, {size} px, batches of {batch}"
        share = statistics.median(rates["streamed"]) / statistics.median(rates["resident"])
        samples[label] = rates
        print(
            f"{label}: images per second: resident {spread(rates['resident'])}, streamed "
            f"{spread(rates['streamed'])}: {share:.3f} of resident",
            flush=True,
        )
        name = f"streamed, {label}: share of the images per second of resident ones"
        targets.append(target(name, share, _SHARE, at_least=True))
    return samples, targets
