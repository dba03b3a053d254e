"""How kernels are compiled, and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from quarterturn.augment.tables import CODES

_EXACT: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_FLAGS: dict[str, Any] = {**_EXACT, "fastmath": {"contract", "reassoc", "nsz"}}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """A part of what is compiled by `kept`."""
    return numba.njit(_nrt=True, **_FLAGS)(function)  # else it would be as in what calls it


def lean(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`, for what allocates nothing: arrays are not counted, which takes as long as a row
    of a small image.
    """
    return numba.njit(_nrt=False, **_FLAGS)(function)


def exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `lean`, and each number is that of the formula as it is written."""
    return numba.njit(_nrt=False, **_EXACT)(function)


def kept(function: Callable[..., Any], *, is_exact: bool = False) -> Callable[..., Any]:
    """Compiled on first use and kept on disk, where a folder can be written."""
    flags = _EXACT if is_exact else _FLAGS
    try:
        return numba.njit(cache=True, **flags)(function)
    except RuntimeError:  # no place for a cache
        return numba.njit(**flags)(function)


def sources() -> str:
    """A digest of all kernels, and of the codes that they know. A kept function must read it from
    its closure: numba looks at the file of the function itself and at its closure to see whether
    what it kept is still true.
    """
    files = sorted(Path(__file__).parent.glob("*.py"))
    known = repr(sorted(CODES.items())).encode()
    return hashlib.blake2b(known + b"".join(file.read_bytes() for file in files)).hexdigest()
