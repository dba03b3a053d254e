"""One step of what is trained: a method alone, or several side by side."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import nn

from quarterturn.pretrain.hardware import autocast
from quarterturn.pretrain.spec import PretrainingSpec

#: Two normalised views of a batch, (n, 3, s, s) each, or (K, n, 3, s, s) of K runs.
Views = tuple[torch.Tensor, torch.Tensor]


class Trained(Protocol):
    """A run, or several side by side; `method` has the functions of `Loss`."""

    @property
    def method(self) -> Loss: ...

    optimizer: torch.optim.Optimizer


class Loss(Protocol):
    """What a step needs of a method, or of several."""

    def loss(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor: ...

    def after_step(self) -> None: ...


def learning_rate(spec: PretrainingSpec, step: int, length: int) -> float:
    """Linear warm-up, then a cosine to 0 at `length`."""
    warm_up = min(spec.warm_up_iterations, max(1, length // 5))
    if step < warm_up:
        return spec.learning_rate * (step + 1) / warm_up
    progress = (step - warm_up) / max(1, length - warm_up)
    return spec.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def optimizer_of(
    method: nn.Module, spec: PretrainingSpec, *, stacked: bool = False
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


def optimise(run: Trained, views: Views, device: torch.device) -> torch.Tensor:
    """One step on two views, without waiting for the device; the loss, detached, or those of
    several runs.
    """
    run.optimizer.zero_grad(set_to_none=True)
    with autocast(device):
        loss = run.method.loss(*views)
    loss.sum().backward()  # type: ignore[no-untyped-call]
    run.optimizer.step()
    run.method.after_step()
    return loss.detach()
