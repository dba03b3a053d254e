"""How batches get from the host to a device: all that is CUDA's own of streaming."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Protocol

import torch


class Copy(Protocol):
    """A copy that may still be under way."""

    def until_read(self) -> None:
        """Wait here until the buffer that is copied may be overwritten."""

    def hand_over(self, images: torch.Tensor) -> None:
        """Let what this thread sends to the device from now on wait for the copy, `images`, and
        keep their memory until it has used them.
        """


class Transfer(Protocol):
    """Copies to one device, beside what that computes."""

    @property
    def device(self) -> torch.device: ...

    def buffer(self, *shape: int) -> torch.Tensor:
        """uint8 memory of the host that copies start from."""

    def beside(self) -> AbstractContextManager[object]:
        """Where this thread draws, so as not to wait for what the device computes."""

    def send(self, buffer: torch.Tensor) -> tuple[torch.Tensor, Copy]:
        """Begin a copy of `buffer` to the device."""


class _Done:
    def until_read(self) -> None:
        pass

    def hand_over(self, images: torch.Tensor) -> None:
        pass


class PlainTransfer:
    """Waits for each copy: what any device can do."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def buffer(self, *shape: int) -> torch.Tensor:
        return torch.empty(shape, dtype=torch.uint8)

    def beside(self) -> AbstractContextManager[object]:
        return contextlib.nullcontext()

    def send(self, buffer: torch.Tensor) -> tuple[torch.Tensor, Copy]:
        return buffer.to(self.device, copy=True), _Done()


class _CudaCopy:
    def __init__(self, stream: torch.cuda.Stream) -> None:
        # Blocking: who waits sleeps, instead of taking a core from the training loop.
        self._event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        self._event.record(stream)

    def until_read(self) -> None:
        self._event.synchronize()

    def hand_over(self, images: torch.Tensor) -> None:
        current = torch.cuda.current_stream(images.device)
        current.wait_event(self._event)
        # It was allocated for the other stream, which would give it away once it is dropped here.
        images.record_stream(current)


class CudaTransfer:
    """From pinned memory, on a stream of its own; places are drawn on another, as whoever draws
    waits for them, but need not wait for copies.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._drawing = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def buffer(self, *shape: int) -> torch.Tensor:
        return torch.empty(shape, dtype=torch.uint8, pin_memory=True)

    def beside(self) -> AbstractContextManager[object]:
        return torch.cuda.stream(self._drawing)

    def send(self, buffer: torch.Tensor) -> tuple[torch.Tensor, Copy]:
        with torch.cuda.stream(self._copying):
            images = buffer.to(self.device, non_blocking=True)
        return images, _CudaCopy(self._copying)


@lru_cache(maxsize=8)
def _cuda(device: torch.device) -> CudaTransfer:
    """One of a device: torch keeps what was freed for the stream that it was allocated for, so
    streams of each run would each keep batches that no other run can take.
    """
    return CudaTransfer(device)


def transfer_to(device: torch.device) -> Transfer:
    """The best that a device can do."""
    return _cuda(device) if device.type == "cuda" else PlainTransfer(device)
