"""The worker that the trials of a job ask for, where a service runs them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from quarterturn.validation import Document

#: GPU memory that can be asked for is rounded up to one of these, in GiB, as cards are sold.
MEMORY_CLASSES = (4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 141, 180, 192)


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

    def in_words(self) -> str:
        """Such as: a worker with a CUDA GPU of 24 GiB or more."""
        if self.gpu_memory_gib is not None:
            return f"a worker with a CUDA GPU of {self.gpu_memory_gib} GiB or more"
        return {
            "any": "a worker",
            "cpu": "a worker on a CPU",
            "cuda": "a worker with a CUDA GPU",
        }[self.device]
