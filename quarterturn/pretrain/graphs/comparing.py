"""Are recorded steps faster here, and do they come out the same? On copies of a run."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from quarterturn.pretrain.graphs.recorded import RecordedStep
from quarterturn.pretrain.graphs.recording import Recorder
from quarterturn.pretrain.optimising import Trained, Views, optimise

_UNTIMED, _TIMED = 2, 8
#: Of the distance travelled in the untimed steps. Rounding reached a hundredth in two steps in
#: bf16, and a tenth in ten.
_TOLERANCE = 0.1
#: Sums whose order a GPU leaves open can take two plain copies further apart. A recorded one may be
#: this many times as far, but never where a copy that stands still would be.
_TIMES_PLAIN, _MOST = 2.0, 0.5


@dataclass(frozen=True)
class Compared:
    """Seconds of a step, of a replayed one, and of recording; `apart` is the distance of their
    ends over the distance travelled, infinite where a count differs, and `apart_plain` that of two
    that are not recorded.
    """

    step: float
    replayed: float
    recording: float
    apart: float
    apart_plain: float = 0.0

    def pays(self, steps: int) -> bool:
        """Whether to record a step for so many."""
        alike = self.apart <= min(_MOST, max(_TOLERANCE, _TIMES_PLAIN * self.apart_plain))
        return alike and steps * (self.step - self.replayed) > self.recording


@dataclass
class _Copy:
    method: Any
    optimizer: torch.optim.Optimizer

    def parts(self) -> tuple[list[torch.Tensor], ...]:
        """Parameters, buffers, and the counts of the optimiser; detached."""
        method = cast(nn.Module, self.method)
        counts = [state["step"] for state in self.optimizer.state.values()]
        return [p.detach() for p in method.parameters()], list(method.buffers()), counts


def _copy_of(run: Trained) -> _Copy:
    # Together, or the optimiser would be that of other parameters.
    return _Copy(*copy.deepcopy((run.method, run.optimizer)))


def _distance(one: list[torch.Tensor], other: list[torch.Tensor]) -> float:
    squares = [
        (a.double() - b.double()).square().sum().cpu() for a, b in zip(one, other, strict=True)
    ]
    return float(sum(squares, torch.zeros(())).sqrt())


def _apart(start: _Copy, one: _Copy, other: _Copy) -> float:
    """The larger one of that of the parameters and that of the buffers: queues travel further."""
    *before, _ = start.parts()
    *mine, my_counts = one.parts()
    *theirs, their_counts = other.parts()
    whole = [b for b in mine[1] if not b.is_floating_point()]
    their_whole = [b for b in theirs[1] if not b.is_floating_point()]
    if _distance([*my_counts, *whole], [*their_counts, *their_whole]) != 0:
        return math.inf
    shares = [0.0]
    for at_first, one_part, other_part in zip(before, mine, theirs, strict=True):
        distance = _distance(one_part, other_part)
        if distance != 0:  # or not a number
            travelled = _distance(one_part, at_first)
            shares.append(distance / travelled if travelled else math.inf)
    return math.inf if any(math.isnan(share) for share in shares) else max(shares)


def compare(
    run: Trained,
    views: Views,
    rate: float,
    device: torch.device,
    recorder: Recorder,
    clock: Callable[[], float] = time.perf_counter,
) -> Compared:
    """Train copies of a run on the same views, one of them by a recorded step; the run itself is
    not touched. It must have done some steps before.

    Raises:
        As `RecordedStep`.
    """

    def seconds(act: Callable[[], Any], times: int) -> float:
        recorder.synchronise()
        started = clock()
        for _ in range(times):
            act()
        recorder.synchronise()
        return (clock() - started) / times

    def plain_copy() -> _Copy:
        copied = _copy_of(run)
        for group in copied.optimizer.param_groups:
            group["lr"] = rate
        for _ in range(_UNTIMED):
            optimise(copied, views, device)
        return copied

    start, plain = _Copy(run.method, run.optimizer), plain_copy()
    apart_plain = _apart(start, plain, plain_copy())
    other = _copy_of(run)

    def step() -> torch.Tensor:
        return optimise(plain, views, device)

    recorded: list[RecordedStep] = []
    recording = seconds(
        lambda: recorded.append(RecordedStep(other, views, rate, device, recorder)), 1
    )

    def replay() -> torch.Tensor:
        return recorded[0](views, rate)

    seconds(replay, _UNTIMED)
    apart = _apart(start, plain, other)
    plainly, replayed = seconds(step, _TIMED), seconds(replay, _TIMED)
    return Compared(plainly, replayed, recording, apart, apart_plain)
