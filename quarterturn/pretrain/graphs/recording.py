"""Recording what is sent to a device: all that is CUDA's own of recorded steps."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal, Protocol

import torch

#: Whether a GPU replays captured steps; `auto`: where that is measured to be faster.
CudaGraphs = Literal["off", "auto", "on"]


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


@contextlib.contextmanager
def _nothing_collected() -> Iterator[None]:
    """What is collected while a graph is recorded may be what must not be freed then."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@lru_cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """To record on. One: torch has 32 in all and hands them out in turn, those that copy too."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class CudaRecorder:
    """CUDA graphs."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def record(self, act: Callable[[], None]) -> Callable[[], None]:
        try:
            return self._recorded(act)
        except torch.OutOfMemoryError:
            # A recording cannot use memory that torch keeps for others, nor give it back.
            torch.cuda.empty_cache()
            return self._recorded(act)

    def _recorded(self, act: Callable[[], None]) -> Callable[[], None]:
        graph = torch.cuda.CUDAGraph()
        pool = torch.cuda.graph_pool_handle()
        stream = _stream(self._device)
        torch.cuda.synchronize(self._device)
        with torch.cuda.device(self._device), _nothing_collected(), torch.cuda.stream(stream):
            # Not by torch.cuda.graph, which collects garbage and gives all unused memory back: that
            # takes longer than a small encoder's steps save.
            try:
                # The thread that streams images goes on meanwhile.
                graph.capture_begin(pool=pool, capture_error_mode="thread_local")
                act()
                graph.capture_end()
            except BaseException:
                with contextlib.suppress(Exception):
                    graph.capture_end()
                self._leave(pool)
                raise
        return graph.replay

    def _leave(self, pool: Any) -> None:
        """End what torch itself leaves open where CUDA has found a recording invalid: it would go
        on as if one were under way, and free no memory that another stream has used.
        """
        place = torch.cuda.current_device() if self._device.index is None else self._device.index
        # The first one raises where nothing was left open.
        with contextlib.suppress(Exception):
            torch._C._cuda_endAllocateToPool(place, pool)
            torch._C._cuda_releasePool(place, pool)

    def synchronise(self) -> None:
        torch.cuda.synchronize(self._device)


def recorder_of(device: torch.device) -> Recorder | None:
    """None where nothing can be recorded."""
    return CudaRecorder(device) if device.type == "cuda" else None
