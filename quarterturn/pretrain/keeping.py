"""States of a run that is under way, kept now and then, so that a loss costs minutes.

Draws are functions of (seed, step), so a run that goes on from one ends where it would have ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from quarterturn.pretrain.checkpoints import CheckpointStore

State = dict[str, Any]


@dataclass
class Keeper:
    """Keeps the state of a run every `seconds`; 0 keeps it after each step.

    Attributes:
        save: takes a state that `trainer.restore` goes on from.
    """

    save: Callable[[State], None]
    seconds: float
    _kept_at: float = field(default_factory=time.monotonic)

    def is_due(self) -> bool:
        return time.monotonic() - self._kept_at >= self.seconds

    def keep(self, state: State) -> None:
        self.save(state)
        self._kept_at = time.monotonic()


@dataclass(frozen=True)
class UnderWay:
    """Where the state of one trial that is under way is kept.

    Attributes:
        name: of the trial among those of its job with the same seed and iterations.
        seconds: how often; None never, and then none is looked for.
    """

    store: CheckpointStore
    job: str
    name: str
    seed: int
    iterations: int
    seconds: float | None

    def load(self, device: torch.device) -> State | None:
        """The state that was kept last, if any: beside the run, the step that the trial `begun` at,
        and the `seconds` that it was trained for.
        """
        if self.seconds is None:
            return None
        return self.store.load(self.job, self.name, self.seed, self.iterations, device)

    def keeper(self, begun: int, seconds: float) -> Keeper | None:
        """Keeps a run that began at a step and was trained for some seconds before."""
        if self.seconds is None:
            return None
        started = time.monotonic()

        def save(state: State) -> None:
            spent = seconds + time.monotonic() - started
            more = {**state, "begun": begun, "seconds": spent}
            self.store.save(self.job, self.name, self.seed, self.iterations, more)

        return Keeper(save, self.seconds)

    def forget(self) -> None:
        """Let go of what was kept: the result is recorded."""
        self.store.remove(self.job, self.name, self.seed, self.iterations)
