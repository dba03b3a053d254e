"""The training loop: seeded, resumable, without state that a checkpoint could forget.

Batches, crops and all other draws are functions of (seed, step), so a run that is resumed from a
checkpoint ends where an uninterrupted one does, and candidates share their random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from core.augmentation import Draws, two_views
from core.policies.schema import Policy
from core.pretraining.batches.source import batches_of
from core.pretraining.data import TrialData
from core.pretraining.encoders import build_encoder, train_norms_only
from core.pretraining.hardware import autocast
from core.pretraining.methods import Method, build_method
from core.pretraining.spec import PretrainingSpec
from core.weights.naming import load_portable
from core.weights.storing import Weights

#: Called before each step with its number; raises to stop the run.
Watch = Callable[[int], None]


class DivergedError(Exception):
    """The loss is not a number."""


@dataclass
class Run:
    """A pretraining run under way; `losses` has one float32 entry per step done."""

    method: Method
    optimizer: torch.optim.Optimizer
    step: int
    losses: list[float]


class Loss(Protocol):
    """What a step needs of a method, or of several side by side."""

    def loss(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor: ...

    def after_step(self) -> None: ...


class Steps(Protocol):
    """A run, or several side by side."""

    @property
    def method(self) -> Loss: ...

    optimizer: torch.optim.Optimizer


def _learning_rate(spec: PretrainingSpec, step: int, length: int) -> float:
    """Linear warm-up, then a cosine to 0 at `length`."""
    warm_up = min(spec.warm_up_iterations, max(1, length // 5))
    if step < warm_up:
        return spec.learning_rate * (step + 1) / warm_up
    progress = (step - warm_up) / max(1, length - warm_up)
    return spec.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def set_learning_rate(
    optimizer: torch.optim.Optimizer, spec: PretrainingSpec, step: int, length: int
) -> None:
    """That of `step` in a schedule of `length` steps."""
    for group in optimizer.param_groups:
        group["lr"] = _learning_rate(spec, step, length)


def optimizer_of(
    method: Method, spec: PretrainingSpec, *, stacked: bool = False
) -> torch.optim.Optimizer:
    """Of what is trained of a method; scales, shifts and biases do not decay. Parameters of several
    runs, `stacked`, have one dimension more.
    """
    trained = [p for p in method.parameters() if p.requires_grad]
    most = 2 if stacked else 1
    groups = [
        {"params": [p for p in trained if p.ndim > most], "weight_decay": spec.weight_decay},
        {"params": [p for p in trained if p.ndim <= most], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=spec.learning_rate, fused=True)


def start(
    spec: PretrainingSpec,
    data: TrialData,
    resolution: int,
    seed: int,
    initial: Weights | None = None,
) -> Run:
    """A fresh run; all candidates of one seed start from the same weights.

    Only the encoder takes `initial`: head, queue and optimiser are fresh, and the same as from
    scratch. What is frozen is frozen before anything is built around the encoder.

    Raises:
        WeightsMismatchError: the weights are of another encoder.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(Draws(seed).generator("weights").initial_seed())
        encoder = build_encoder(spec.encoder, resolution)
        if initial is not None:
            load_portable(encoder, initial.tensors)
        if spec.variant == "bn_only":
            train_norms_only(encoder)
        method = build_method(spec, encoder, len(data.pretrain))
    method = method.to(data.mean.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Run(method, optimizer_of(method, spec), 0, [])


def state_of(run: Run) -> dict[str, Any]:
    """What a checkpoint holds."""
    return {
        "method": run.method.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "step": run.step,
        "losses": run.losses,
    }


def restore(run: Run, state: dict[str, Any]) -> None:
    """Continue from the state of a checkpoint."""
    run.method.load_state_dict(state["method"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.step, run.losses = int(state["step"]), list(state["losses"])


def views_of(
    data: TrialData, batch: torch.Tensor, policy: Policy, seed: int, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two normalised views of its batch that a run of `seed` sees at `step`."""
    draws = Draws(seed, step, device=data.mean.device)
    return two_views(batch, policy, draws, data.normalisation)


def optimise(
    run: Steps, views: tuple[torch.Tensor, torch.Tensor], device: torch.device
) -> torch.Tensor:
    """One step on two normalised views, without waiting for the device; the loss, detached, or
    those of several runs.
    """
    run.optimizer.zero_grad(set_to_none=True)
    with autocast(device):
        loss = run.method.loss(*views)
    loss.sum().backward()  # type: ignore[no-untyped-call]
    run.optimizer.step()
    run.method.after_step()
    return loss.detach()


def train(
    run: Run,
    policy: Policy,
    data: TrialData,
    spec: PretrainingSpec,
    *,
    seed: int,
    until: int,
    length: int,
    watch: Watch,
) -> None:
    """Train up to step `until` of a schedule of `length` steps.

    Raises:
        DivergedError: the loss became infinite or not a number.
        Whatever `watch` raises.
    """
    device = data.mean.device
    run.method.train()
    fresh: list[torch.Tensor] = []
    with batches_of(data, spec.batch_size, [seed], range(run.step, until)) as batches:
        while run.step < until:
            watch(run.step)
            views = views_of(data, batches(run.step)[seed], policy, seed, run.step)
            set_learning_rate(run.optimizer, spec, run.step, length)
            fresh.append(optimise(run, views, device))
            run.step += 1
    # One transfer at the end: reading a loss each step would make the GPU wait.
    run.losses += torch.stack(fresh).float().cpu().tolist() if fresh else []
    check(run)


def check(run: Run) -> None:
    """Whether it is still worth anything.

    Raises:
        DivergedError: a loss is infinite or not a number.
    """
    if not all(math.isfinite(value) for value in run.losses):
        raise DivergedError("the loss is not finite; lower the learning rate")
