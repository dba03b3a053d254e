"""How functions are compiled by numba, and kept on disk."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numba

_EXACT: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_FAST: dict[str, Any] = {**_EXACT, "fastmath": {"contract", "reassoc", "nsz"}}
_AUGMENT = Path(__file__).parents[1]
_njit: Any = numba.njit  # its types know nothing of `_nrt`


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that allocates nothing.

    Its arrays are not reference-counted, which takes as long as a row of a small image. Sums may
    be rearranged.
    """
    compiled: Callable[..., Any] = _njit(_nrt=False, **_FAST)(function)
    return compiled


def allocating_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`, for a function that makes arrays."""
    compiled: Callable[..., Any] = _njit(_nrt=True, **_FAST)(function)
    return compiled


def exact_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `kernel`, but each number is that of the formula as it is written."""
    compiled: Callable[..., Any] = _njit(_nrt=False, **_EXACT)(function)
    return compiled


def entry_point(function: Callable[..., Any], *, exact: bool = False) -> Callable[..., Any]:
    """Compile on first use what Python calls, and keep it on disk where a folder can be written.

    Where it calls functions of other files, it must read `source_digest` from its closure: numba
    looks at the file of the function itself and at its closure to see whether what it kept is
    still true.
    """
    flags = _EXACT if exact else _FAST
    compiled: Callable[..., Any]
    try:
        compiled = _njit(cache=True, **flags)(function)
    except RuntimeError:  # no place for a cache
        compiled = _njit(**flags)(function)
    return compiled


def source_digest(functions: Mapping[int, Callable[..., Any]]) -> str:
    """Of all that kernels are made of, and of the functions that are called by a code: those of
    operations that were registered may be written elsewhere. 128 hex digits.
    """
    kernels = [path for folder in ("kernels", "ops") for path in (_AUGMENT / folder).glob("*.py")]
    called = {Path(inspect.getfile(getattr(one, "py_func", one))) for one in functions.values()}
    files = sorted({*kernels, _AUGMENT / "layout.py", *called})
    names = [(code, getattr(one, "__qualname__", "")) for code, one in sorted(functions.items())]
    source = b"".join(file.read_bytes() for file in files)
    return hashlib.blake2b(repr(names).encode() + source).hexdigest()
