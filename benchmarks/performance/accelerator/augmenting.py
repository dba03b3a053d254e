"""Augmentation on a device: is it that of the CPU, and how many images per second."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.harness.report import spread, target
from benchmarks.performance.accelerator.images import smooth_images
from benchmarks.performance.accelerator.parts import Found
from benchmarks.performance.augment.policies import WHOLE, single
from quarterturn.augment import RandomStreams, augment
from quarterturn.augment.backends import torch_ref
from quarterturn.augment.plan import sample_plan
from quarterturn.policy.schema import Policy

#: Images in a batch, by their pixels.
_BATCH = {32: 512, 96: 256, 224: 128}
_OVER_KORNIA = 5.0
_WARM_UP, _FEWEST, _BATCHES = 2, 3, 4


def measure_parity(device: torch.device) -> Found:
    """Of each operation, the share of values that differ from the CPU's by more than rounding."""
    found = {}
    images = smooth_images(32, 32, torch.device("cpu"))
    for name, policy in single().items():
        if name == "gaussian_noise":  # its noise is drawn on the device
            continue
        here, there = (
            augment(images.to(where), policy.view(0), RandomStreams(0, device=where)).cpu()
            for where in ("cpu", device)
        )
        found[name] = float(((here - there).abs() > 1e-3).float().mean())
    worst = max(found.values())
    name = "operations: share of values unlike the CPU's"
    return found, [target(name, worst, 0.002, at_least=False)]


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _rate(act: Callable[[], Any], images: torch.Tensor, seconds: float) -> list[float]:
    """Images per second, several times; the device is waited for after some batches, as training
    does not wait for it at all.
    """
    rates: list[float] = []
    for _ in range(_WARM_UP):
        act()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(rates) < _FEWEST:
        _synchronise(images.device)
        started = time.perf_counter()
        for _ in range(_BATCHES):
            act()
        _synchronise(images.device)
        rates.append(_BATCHES * len(images) / (time.perf_counter() - started))
    return rates


def _ours(policy: Policy, images: torch.Tensor) -> Callable[[], torch.Tensor]:
    return lambda: augment(images, policy.view(0), RandomStreams(0, device=images.device))


def _plain(policy: Policy, images: torch.Tensor) -> Callable[[], torch.Tensor]:
    """The reference, which is sent to the device operation by operation."""

    def act() -> torch.Tensor:
        streams = RandomStreams(0, device=images.device)
        plan = sample_plan(policy.view(0), streams, len(images), *images.shape[2:])
        return torch_ref.execute(plan, images)

    return act


def measure_operations(device: torch.device, quick: bool) -> Found:
    """Each operation, on every image of a batch."""
    samples = {}
    for size, batch in _sizes(quick).items():
        images = smooth_images(size, batch, device)
        for name, policy in single().items():
            label = f"{name}, {size} px"
            samples[label] = _rate(_ours(policy, images), images, 0.0 if quick else 0.2)
            print(f"{label}: images per second: {spread(samples[label])}", flush=True)
    return samples, []


def _sizes(quick: bool) -> dict[int, int]:
    return {32: 64} if quick else _BATCH


def measure_policies(device: torch.device, quick: bool) -> Found:
    """Five whole policies, beside plain torch and, where that is installed, kornia."""
    samples: dict[str, Any] = {}
    targets = []
    seconds = 0.0 if quick else 0.6
    with_kornia = importlib.util.find_spec("kornia") is not None
    for size, batch in _sizes(quick).items():
        images = smooth_images(size, batch, device)
        for name, policy in WHOLE.items():
            label = f"{name}, {size} px"
            rates = {
                "quarterturn": _rate(_ours(policy, images), images, seconds),
                "plain torch": _rate(_plain(policy, images), images, seconds / 2),
            }
            if with_kornia:
                from benchmarks.performance.augment import kornia

                theirs = kornia.build(policy, size)
                floats = images.float() / 255.0

                def other(floats: torch.Tensor = floats, apply: Any = theirs) -> Any:
                    return apply(floats)

                rates["kornia"] = _rate(other, images, seconds)
                ratio = statistics.median(rates["quarterturn"]) / statistics.median(rates["kornia"])
                targets.append(target(f"{label}: times kornia", ratio, _OVER_KORNIA, at_least=True))
            samples[label] = rates
            shown = ", ".join(f"{who} {spread(values)}" for who, values in rates.items())
            print(f"{label}: images per second: {shown}", flush=True)
    return samples, targets
