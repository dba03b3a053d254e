"""Seconds of the processor: of a whole step, and of a forward and backward pass alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.experiments.encoder.runs import Config, loaded, policies
from benchmarks.experiments.encoder.sides import precision, start
from quarterturn.pretrain import trainer
from quarterturn.pretrain.hardware import autocast

_WARM_UP = 2


def _seconds(act: Callable[[], Any]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


def _acts(config: Config, name: str, side: str, policy: str) -> dict[str, Callable[[], None]]:
    """A step as a search takes it, and a pass over the two views of a batch."""
    _, data, resolution = loaded(name, config.most)
    run = start(side, config.spec, data, resolution, seed=0)
    encoder = run.method.encoder
    batch = data.pretrain[: config.batch_size]
    views = trainer.views_of(data, batch, policies()[policy], 0, 0)
    both = torch.cat(views).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        trainer.train(
            run,
            policies()[policy],
            data,
            config.spec,
            seed=0,
            until=run.step + 1,
            length=10**6,
            watch=lambda _: None,
        )

    def forward_backward() -> None:
        with autocast(data.mean.device):
            features = encoder(both)
        features.float().square().mean().backward()
        encoder.zero_grad(set_to_none=True)

    return {"step": step, "pass": forward_backward}


def speeds(
    config: Config, name: str, sides: list[str], policy: str, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Samples by side: seconds of `step` and of `pass`, all sides in turn in every round."""
    acts = {}
    for side in sides:
        with precision(side):
            acts[side] = _acts(config, name, side, policy)
    found: dict[str, dict[str, list[float]]] = {s: {"step": [], "pass": []} for s in sides}
    for number in range(rounds + _WARM_UP):
        for side, both in acts.items():
            with precision(side):
                for kind, act in both.items():
                    seconds = _seconds(act)
                    if number >= _WARM_UP:
                        found[side][kind].append(seconds)
    return found


def step_seconds(samples: dict[str, dict[str, list[float]]]) -> dict[str, float]:
    """The median of a step, by side."""
    return {side: statistics.median(kinds["step"]) for side, kinds in samples.items()}
