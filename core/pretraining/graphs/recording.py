"""Recording what is sent to a device: all that is CUDA's own of recorded steps."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Protocol

import torch


class Recorder(Protocol):
    """Of one device."""

    def record(self, act: Callable[[], None]) -> Callable[[], None]:
        """Call `act` once, without carrying out what it sends to the device; what is returned does
        that, each time, with the same tensors at the same addresses.

        Raises:
            Whatever `act` raises, and RuntimeError where it cannot be recorded.
        """

    def synchronise(self) -> None:
        """Wait until the device has done all."""


class CudaRecorder:
    """CUDA graphs."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def record(self, act: Callable[[], None]) -> Callable[[], None]:
        # What is collected while a graph is recorded, may be what must not be freed then.
        gc.collect()
        graph = torch.cuda.CUDAGraph()
        with (
            torch.cuda.device(self._device),
            # The thread that streams images goes on meanwhile.
            torch.cuda.graph(graph, capture_error_mode="thread_local"),
        ):
            act()
        return graph.replay

    def synchronise(self) -> None:
        torch.cuda.synchronize(self._device)


def recorder_of(device: torch.device) -> Recorder | None:
    """None where nothing can be recorded."""
    return CudaRecorder(device) if device.type == "cuda" else None
