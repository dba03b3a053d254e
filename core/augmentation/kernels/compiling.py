"""How kernels are compiled, and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_FLAGS: dict[str, Any] = {
    "nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"},
}  # fmt: skip


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """A part of what is compiled by `kept`."""
    return numba.njit(_nrt=True, **_FLAGS)(function)  # else it would be as in what calls it


def lean(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`, for what allocates nothing: arrays are not counted, which takes as long as a row
    of a small image.
    """
    return numba.njit(_nrt=False, **_FLAGS)(function)


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled on first use and kept on disk, where a folder can be written."""
    try:
        return numba.njit(cache=True, **_FLAGS)(function)
    except RuntimeError:  # no place for a cache
        return numba.njit(**_FLAGS)(function)


def sources() -> str:
    """A digest of all kernels. A kept function must read it from its closure: numba looks at the
    file of the function itself and at its closure to see whether what it kept is still true.
    """
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.blake2b(b"".join(file.read_bytes() for file in files)).hexdigest()
