"""Which workers a job asks for, and the queues by which its trials find them.

A trial goes into the queue of what its job asks for. A worker takes from the queues of all asks
that it can serve, that of no ask included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from core.validation import Document

_ANY = "quarterturn.trials"
#: GPU memory by which there are queues, in GiB, as cards are sold.
MEMORY_CLASSES = (4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 141, 180, 192)
#: Drivers and error correction keep up to a tenth of what a card is sold with.
_USABLE = 0.9


class WorkerAsk(Document):
    """The worker that a job's trials need; by default any will do."""

    device: Literal["any", "cpu", "cuda"] = Field(
        default="any", description="What the worker computes on; asking for memory means cuda."
    )
    gpu_memory_gib: Annotated[int, Field(ge=1, le=MEMORY_CLASSES[-1])] | None = Field(
        default=None, description="Memory of the GPU at least, as cards are sold."
    )

    @model_validator(mode="after")
    def _memory_is_of_a_gpu(self) -> Self:
        if self.gpu_memory_gib is not None and self.device == "cpu":
            raise ValueError("gpu_memory_gib asks for a GPU; leave device out, or say cuda")
        return self

    @property
    def queue(self) -> str:
        """The queue of the trials. Memory is rounded up to the next of `MEMORY_CLASSES`."""
        if self.gpu_memory_gib is not None:
            return _memory_queue(min(c for c in MEMORY_CLASSES if c >= self.gpu_memory_gib))
        return _ANY if self.device == "any" else f"{_ANY}.{self.device}"

    def in_words(self) -> str:
        """Such as: a worker with a CUDA GPU of 24 GiB or more."""
        if self.gpu_memory_gib is not None:
            return f"a worker with a CUDA GPU of {self.gpu_memory_gib} GiB or more"
        return {
            "any": "a worker",
            "cpu": "a worker on a CPU",
            "cuda": "a worker with a CUDA GPU",
        }[self.device]


def _memory_queue(gib: int) -> str:
    return f"{_ANY}.cuda.{gib}"


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
    return ask_of(stored).queue
