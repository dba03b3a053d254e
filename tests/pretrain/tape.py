"""What a CUDA graph does, on a CPU: operations are recorded with the very tensors that they were
given, and carried out again on these, into these. Python is not run again.

Unlike a graph it carries out what it records; what that changed is put back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class HostWaits(Exception):
    """An operation asked the device for a value."""


_WAITS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal"}


class _Recording(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, Any, Any, Any]] = []
        self._made: set[int] = set()
        self.before: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        if name in _WAITS:
            raise HostWaits(name)
        for leaf in tree_leaves((args, kwargs)):
            if isinstance(leaf, torch.Tensor):
                self._keep(leaf)
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self._made.add(leaf.untyped_storage().data_ptr())
        self.done.append((func, args, kwargs or {}, out))
        return out

    def _keep(self, tensor: torch.Tensor) -> None:
        """What was there before the recording, as it was."""
        place = tensor.untyped_storage().data_ptr()
        if place not in self._made and place not in self.before:
            self.before[place] = (tensor, tensor.clone())


class Tape:
    """A recorder for a CPU; `operations` is how many the last recording has."""

    def __init__(self) -> None:
        self.operations = 0
        self.replays = 0

    def record(self, act: Callable[[], None]) -> Callable[[], None]:
        recording = _Recording()
        try:
            with recording:
                act()
        finally:
            with torch.no_grad():
                for tensor, value in recording.before.values():
                    tensor.copy_(value)
        self.operations = len(recording.done)

        def replay() -> None:
            self.replays += 1
            with torch.no_grad():
                for func, args, kwargs, out in recording.done:
                    again = func(*args, **kwargs)
                    for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                        if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                            old.copy_(new)

        return replay

    def synchronise(self) -> None:
        pass
