"""Parts of a long measurement on a machine that is lent for minutes: none takes another with it."""

from __future__ import annotations

import contextlib
import gc
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

#: Samples of a part, and its targets.
Found = tuple[Any, list[dict[str, Any]]]


@dataclass
class Parts:
    """What was found so far; kept by `keep` after every part.

    Args:
        latest: seconds from the start, after which nothing more begins.
        only: what names begin with, of the parts to carry out; all without.
    """

    latest: float
    keep: Callable[[Parts], None]
    samples: dict[str, Any] = field(default_factory=dict)
    targets: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    only: tuple[str, ...] = ()
    _started: float = field(default_factory=time.perf_counter)

    def add(self, name: str, act: Callable[[], Found]) -> None:
        """Carry out a part, if there is time left for it. What goes wrong is a result too."""
        began = time.perf_counter()
        if self.only and not name.startswith(self.only):
            return
        if began - self._started > self.latest:
            self.left_out.append(name)
            return
        try:
            self.samples[name], more = act()
            self.targets += more
        except Exception as error:
            traceback.print_exc()
            self.failed[name] = f"{type(error).__name__}: {error}"
        self.seconds[name] = time.perf_counter() - began
        print(f"-- {name}: {self.seconds[name]:.1f} s", flush=True)
        gc.collect()
        if torch.cuda.is_available():
            with contextlib.suppress(RuntimeError):  # a device that has failed stays so
                torch.cuda.empty_cache()
        self.keep(self)

    def document(self) -> dict[str, Any]:
        """All but the targets."""
        return {
            **self.samples,
            "seconds": self.seconds,
            "failed": self.failed,
            "left_out": self.left_out,
        }
