"""The training loop of a pack: every member as if it were alone, one step of all at a time."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.batches.preparing import preparing
from quarterturn.pretrain.batches.source import batches_of
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.graphs.stepping import stepping
from quarterturn.pretrain.keeping import Keeper
from quarterturn.pretrain.optimising import learning_rate
from quarterturn.pretrain.packs.stack import Stack
from quarterturn.pretrain.packs.views import views_of_all
from quarterturn.pretrain.spec import PretrainingSpec

logger = logging.getLogger(__name__)

OUT_OF_MEMORY = (torch.OutOfMemoryError, MemoryError)


@dataclass
class Member:
    """A run in a pack. `error` is why it left; `seconds` is its share of the time of the packs that
    it was in.
    """

    run: trainer.Run
    policy: Policy
    seed: int
    watch: trainer.Watch
    error: Exception | None = None
    seconds: float = 0.0
    keeper: Keeper | None = None

    def is_due(self) -> bool:
        """Whether its state is to be kept."""
        return self.keeper is not None and self.keeper.is_due()

    def stays(self) -> bool:
        """Whether its watch lets it take the next step."""
        try:
            self.watch(self.run.step)
        except Exception as error:
            self.error = error
        return self.error is None


@dataclass(frozen=True)
class _Schedule:
    """Up to which step of how many; and as if there were how many, to decide on recording."""

    until: int
    length: int
    planned: int | None


def _alone(member: Member, data: TrialData, spec: PretrainingSpec, schedule: _Schedule) -> None:
    try:
        trainer.train(
            member.run,
            member.policy,
            data,
            spec,
            seed=member.seed,
            until=schedule.until,
            length=schedule.length,
            watch=member.watch,
            planned=schedule.planned,
            keeper=member.keeper,
        )
    except Exception as error:
        member.error = error


def _together(
    members: Sequence[Member], data: TrialData, spec: PretrainingSpec, schedule: _Schedule
) -> None:
    """Up to the end, or until the first of the members leaves, or is to be kept."""
    stack = Stack([member.run for member in members], spec)
    before = [member.run.step for member in members]
    fresh: list[torch.Tensor] = []
    who = [(member.policy, member.seed) for member in members]
    steps = range(before[0], schedule.until)
    try:
        with (
            batches_of(data, spec.batch_size, [m.seed for m in members], steps) as batches,
            preparing(data, spec.batch_size, who, steps) as prepared,
            stepping(
                stack, spec, data.mean.device, schedule.planned or len(steps), data.cuda_graphs
            ) as optimise,
        ):
            for step in steps:
                staying = [member.stays() for member in members]
                if not all(staying):
                    break
                views = views_of_all(data, batches(step), who, step, prepared(step))
                fresh.append(optimise(views, learning_rate(spec, step, schedule.length)))
                for member in members:
                    member.run.step += 1
                if any(member.is_due() for member in members):
                    break
        losses = torch.stack(fresh).float().cpu().T.tolist() if fresh else [[] for _ in members]
    except OUT_OF_MEMORY:
        # The runs themselves are as they were: what was trained is in the stack.
        for member, step in zip(members, before, strict=True):
            member.run.step = step
        raise
    stack.give_back()
    for member, its in zip(members, losses, strict=True):
        member.run.losses += its
        if member.keeper is not None and member.is_due() and member.run.step < schedule.until:
            member.keeper.keep(trainer.state_of(member.run))


def _fits(
    members: Sequence[Member], data: TrialData, spec: PretrainingSpec, schedule: _Schedule
) -> bool:
    started = time.perf_counter()
    try:
        if len(members) == 1:
            _alone(members[0], data, spec, schedule)
        else:
            _together(members, data, spec, schedule)
    except OUT_OF_MEMORY:
        logger.warning("%d candidates at once are out of memory", len(members))
        return False
    finally:
        for member in members:
            member.seconds += (time.perf_counter() - started) / len(members)
    return True


def train_pack(
    members: Sequence[Member],
    data: TrialData,
    spec: PretrainingSpec,
    *,
    until: int,
    length: int,
    planned: int | None = None,
) -> int:
    """Train runs at the same step up to step `until` of a schedule of `length` steps; `planned` as
    in `trainer.train`.

    A member whose watch raises leaves with that error, and one that diverges has its
    `DivergedError` at the end; the others go on. A pack that is out of memory is halved.

    Returns:
        How many were trained at once at most: fewer than there are if the memory did not do.
    """
    schedule = _Schedule(until, length, planned)
    active = [m for m in members if m.error is None]
    while active and active[0].run.step < until:
        if not _fits(active, data, spec, schedule):
            # Outside of the handling of the error, which holds on to the tensors of the stack.
            gc.collect()
            if data.mean.device.type == "cuda":
                torch.cuda.empty_cache()
            half = (len(active) + 1) // 2
            parts = (active[:half], active[half:])
            return max(
                train_pack(p, data, spec, until=until, length=length, planned=planned)
                for p in parts
            )
        active = [m for m in active if m.error is None]
    for member in active:
        try:
            trainer.check(member.run)
        except trainer.DivergedError as error:
            member.error = error
    return len(members)
