"""Triton, where it is installed, and the columns of a packed plan as its kernels read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quarterturn.augment import layout

__all__ = [
    "FILL",
    "HAS_TRITON",
    "LEVELS",
    "MAP",
    "NOISE",
    "OP",
    "ROW",
    "STRENGTH",
    "UNIFORM",
    "constant",
    "jit",
    "tl",
]

try:
    import triton
    import triton.language as tl
except ImportError:  # not made for every machine; its kernels are then never called
    tl = None

HAS_TRITON = tl is not None


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a part of a kernel when it is first launched."""
    compiled: Callable[..., Any] = triton.jit(function) if HAS_TRITON else function
    return compiled


def constant(value: float) -> Any:
    """A number that kernels know when they are compiled."""
    return tl.constexpr(value) if HAS_TRITON else value


ROW = constant(layout.ROW)
OP = constant(layout.OP)
STRENGTH = constant(layout.STRENGTH)
MAP = constant(layout.MAP)
FILL = constant(layout.FILL)
UNIFORM = constant(layout.UNIFORM)
NOISE = constant(layout.NOISE)
#: Numbers behind the planes of an image under way, for the kernels' own use.
LEVELS = constant(256)
