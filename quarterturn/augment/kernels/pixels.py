"""Steps on the values of pixels that several operations share, for numba. Images may be flat."""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.compile import kernel

_f = np.float32


@kernel
def clamp(value):
    return min(max(value, _f(0.0)), _f(1.0))


@kernel
def luma(red, green, blue):
    """ITU-R 601-2, as PIL's mode L."""
    return _f(0.299) * red + _f(0.587) * green + _f(0.114) * blue


@kernel
def copy(flat, out):
    for i in range(out.shape[0]):
        out[i] = flat[i]


@kernel
def blend_number(flat, other, strength):
    """other + (1 + strength) * (value - other), clamped: PIL's ImageEnhance."""
    factor = _f(1.0) + strength
    for i in range(flat.shape[0]):
        flat[i] = clamp(other + factor * (flat[i] - other))
