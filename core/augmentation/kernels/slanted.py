"""Resampling by any map; see `core.augmentation.geometry`."""

from __future__ import annotations

import numpy as np

from core.augmentation.kernels.compiling import kernel

_f = np.float32


@kernel
def slanted(source, out, m, fill):
    """Any map, from (3, h, w) to (3, h, w)."""
    _, height, width = out.shape
    flat = source.reshape(3, height * width)
    at = np.empty((4, width), np.uint32)
    share = np.empty((2, width), np.float32)
    inside = np.empty(width, np.float32)
    for y in range(height):
        middle = _f(y) + _f(0.5)
        for i in range(width):
            x = m[0, 0] * (_f(i) + _f(0.5)) + (m[0, 1] * middle + m[0, 2])
            z = m[1, 0] * (_f(i) + _f(0.5)) + (m[1, 1] * middle + m[1, 2])
            far = max(
                abs(x * (_f(2.0) / _f(width)) - _f(1.0)), abs(z * (_f(2.0) / _f(height)) - _f(1.0))
            )
            inside[i] = _f(0.0) if far > _f(1.00001) else _f(1.0)
            x = min(max(x - _f(0.5), _f(0.0)), _f(width - 1))
            z = min(max(z - _f(0.5), _f(0.0)), _f(height - 1))
            left, top = np.int32(x), np.int32(z)
            share[0, i], share[1, i] = x - _f(left), z - _f(top)
            right = min(left + np.int32(1), np.int32(width - 1))
            upper = top * np.int32(width)
            lower = min(top + np.int32(1), np.int32(height - 1)) * np.int32(width)
            at[0, i], at[1, i] = np.uint32(upper + left), np.uint32(upper + right)
            at[2, i], at[3, i] = np.uint32(lower + left), np.uint32(lower + right)
        for c in range(3):
            plane, line, colour = flat[c], out[c, y], fill[c]
            for i in range(width):
                above = plane[at[0, i]]
                above += share[0, i] * (plane[at[1, i]] - above)
                below = plane[at[2, i]]
                below += share[0, i] * (plane[at[3, i]] - below)
                value = above + share[1, i] * (below - above)
                line[i] = value if inside[i] > _f(0.5) else colour
