"""The training loop: seeded, resumable, without state that a checkpoint could forget.

Batches, crops and all other draws are functions of (seed, step), so a run that is resumed from a
checkpoint ends where an uninterrupted one does, and candidates share their random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from quarterturn.augment import PackedPlan, RandomStreams, two_views
from quarterturn.models.encoders import build_encoder, train_norms_only
from quarterturn.models.naming import load_portable
from quarterturn.models.tensors import Weights
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.batches.preparing import preparing
from quarterturn.pretrain.batches.source import batches_of
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.graphs.stepping import stepping
from quarterturn.pretrain.keeping import Keeper
from quarterturn.pretrain.methods import Method, build_method
from quarterturn.pretrain.optimising import learning_rate, optimizer_of
from quarterturn.pretrain.spec import PretrainingSpec

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
        torch.manual_seed(RandomStreams(seed).generator("weights").initial_seed())
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
    data: TrialData,
    batch: torch.Tensor,
    policy: Policy,
    seed: int,
    step: int,
    prepared: PackedPlan | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two normalised views of its batch that a run of `seed` sees at `step`."""
    draws = RandomStreams(seed, step, device=data.mean.device)
    return two_views(batch, policy, draws, data.normalisation, prepared)


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
    planned: int | None = None,
    keeper: Keeper | None = None,
) -> None:
    """Train up to step `until` of a schedule of `length` steps.

    Args:
        planned: as if there were so many steps, to decide whether they are worth recording.
        keeper: is given the state of the run now and then.

    Raises:
        DivergedError: the loss became infinite or not a number.
        Whatever `watch` raises.
    """
    run.method.train()
    while run.step < until:
        fresh: list[torch.Tensor] = []
        steps = range(run.step, until)
        with (
            batches_of(data, spec.batch_size, [seed], steps) as batches,
            preparing(data, spec.batch_size, [(policy, seed)], steps) as prepared,
            stepping(
                run, spec, data.mean.device, planned or len(steps), data.cuda_graphs
            ) as optimise,
        ):
            while run.step < until:
                watch(run.step)
                batch, table = batches(run.step)[seed], prepared(run.step)
                views = views_of(data, batch, policy, seed, run.step, table)
                fresh.append(optimise(views, learning_rate(spec, run.step, length)))
                run.step += 1
                if keeper is not None and keeper.is_due():
                    break  # a state is that of a run that does not record its steps
        # One transfer at the end: reading a loss each step would make the GPU wait.
        run.losses += torch.stack(fresh).float().cpu().tolist() if fresh else []
        check(run)
        if keeper is not None and run.step < until:
            keeper.keep(state_of(run))


def check(run: Run) -> None:
    """Whether it is still worth anything.

    Raises:
        DivergedError: a loss is infinite or not a number.
    """
    if not all(math.isfinite(value) for value in run.losses):
        raise DivergedError("the loss is not finite; lower the learning rate")
