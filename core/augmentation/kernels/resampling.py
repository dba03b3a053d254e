"""Moving pixels; see `core.augmentation.geometry`."""

from __future__ import annotations

import numpy as np

from core.augmentation.kernels.compiling import kernel

_f = np.float32


@kernel
def _taps(a, c, size, first, second, weight, outside):
    """Where a row or column of a map without shear reads: positions, weight of the second."""
    for i in range(size):
        at = a * (_f(i) + _f(0.5)) + c
        outside[i] = abs(at * _f(2.0) / _f(size) - _f(1.0)) > _f(1.00001)
        at = min(max(at - _f(0.5), _f(0.0)), _f(size - 1))
        low = int(at)
        first[i] = low
        second[i] = min(low + 1, size - 1)
        weight[i] = at - _f(low)


@kernel
def _row_taken(source, channels_last, inverse, y, height, x0, x1, weight, floats, out):
    """Row y of the source, its columns mixed, to out (3, w)."""
    width = out.shape[1]
    if channels_last:
        line = source[y]
        for i in range(3 * width):
            floats[i] = _f(line[i]) * inverse
        for c in range(3):
            plane = out[c]
            for x in range(width):
                value = floats[np.uint32(3) * x0[x] + np.uint32(c)]
                other = floats[np.uint32(3) * x1[x] + np.uint32(c)]
                plane[x] = value + weight[x] * (other - value)
    else:
        for c in range(3):
            line, plane = source[np.uint32(c * height) + y], out[c]
            for x in range(width):
                value = _f(line[x0[x]])
                plane[x] = value + weight[x] * (_f(line[x1[x]]) - value)


@kernel
def straight(source, channels_last, scale, out, m, fill):
    """A map without rotation or shear: columns are mixed, once for each row read, then rows.

    source is (h, 3 w) if channels_last, else (3, h, w) seen as (3 h, w).
    """
    _, height, width = out.shape
    x0 = np.empty(width, np.uint32)
    x1 = np.empty(width, np.uint32)
    xw = np.empty(width, np.float32)
    xo = np.empty(width, np.bool_)
    y0 = np.empty(height, np.uint32)
    y1 = np.empty(height, np.uint32)
    yw = np.empty(height, np.float32)
    yo = np.empty(height, np.bool_)
    _taps(m[0, 0], m[0, 2], width, x0, x1, xw, xo)
    _taps(m[1, 1], m[1, 2], height, y0, y1, yw, yo)
    floats = np.empty(3 * width, np.float32)
    # The last row of either parity; neighbours have different ones.
    rows = np.empty((2, 3, width), np.float32)
    held = np.full(2, -1, np.int64)
    inverse = _f(1.0) / scale
    uncovered = xo.any()
    for y in range(height):
        if yo[y]:
            for c in range(3):
                out[c, y, :] = fill[c]
            continue
        for wanted in (y0[y], y1[y]):
            place = wanted & np.uint32(1)
            if held[place] != wanted:
                _row_taken(
                    source, channels_last, inverse, wanted, height, x0, x1, xw, floats, rows[place]
                )
                held[place] = wanted
        weight = yw[y]
        above, below = rows[y0[y] & np.uint32(1)], rows[y1[y] & np.uint32(1)]
        for c in range(3):
            line, upper, lower = out[c, y], above[c], below[c]
            for x in range(width):
                line[x] = upper[x] + weight * (lower[x] - upper[x])
            if uncovered:
                for x in range(width):
                    line[x] = fill[c] if xo[x] else line[x]


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


@kernel
def flip(a, b, across):
    """From a to b."""
    _, height, width = a.shape
    for c in range(3):
        for y in range(height):
            if across:
                line, out = a[c, y], b[c, y]
                for x in range(width):
                    out[x] = line[width - 1 - x]
            else:
                b[c, y] = a[c, height - 1 - y]
