"""Whether kernels can be compiled for the CPU."""

from __future__ import annotations

import importlib
from functools import cache


@cache
def has_numba() -> bool:
    """Whether numba, which compiles the kernels, is installed and can be used."""
    try:
        importlib.import_module("numba")
    except ImportError:
        return False
    return True
