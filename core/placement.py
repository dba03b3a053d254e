"""Which workers a job asks for, and the queues by which its trials find them.

A trial goes into the queue of what its job asks for. A worker takes from the queues of all asks
that it can serve, that of no ask included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quarterturn.search.worker import MEMORY_CLASSES, WorkerAsk

_ANY = "quarterturn.trials"
#: Drivers and error correction keep up to a tenth of what a card is sold with.
_USABLE = 0.9


def _memory_queue(gib: int) -> str:
    return f"{_ANY}.cuda.{gib}"


def queue_for(ask: WorkerAsk) -> str:
    """The queue of trials that ask for this; memory is rounded up to one of `MEMORY_CLASSES`."""
    if ask.gpu_memory_gib is not None:
        return _memory_queue(min(c for c in MEMORY_CLASSES if c >= ask.gpu_memory_gib))
    return _ANY if ask.device == "any" else f"{_ANY}.{ask.device}"


@dataclass(frozen=True)
class Capability:
    """What a worker computes on: `device` is cpu or cuda; memory of its GPU in bytes, or 0."""

    device: str
    gpu_memory_bytes: int = 0

    def queues(self, *, asked_only: bool = False) -> list[str]:
        """Those that the worker takes trials from.

        Args:
            asked_only: leave trials that ask for nothing to other workers.
        """
        gib = self.gpu_memory_bytes / 2**30
        sizes = [c for c in MEMORY_CLASSES if c * _USABLE <= gib] if self.device == "cuda" else []
        open_to_all = [] if asked_only else [_ANY]
        return [*open_to_all, f"{_ANY}.{self.device}", *(_memory_queue(c) for c in sizes)]


#: All there are.
QUEUES = (_ANY, f"{_ANY}.cpu", f"{_ANY}.cuda", *(_memory_queue(c) for c in MEMORY_CLASSES))


def ask_of(stored: dict[str, Any] | None) -> WorkerAsk:
    """What a job asks for, from `worker` of its specification; older jobs have none."""
    return WorkerAsk.model_validate(stored or {})


def queue_of(stored: dict[str, Any] | None) -> str:
    """The queue of a job's trials, from `worker` of its specification."""
    return queue_for(ask_of(stored))
