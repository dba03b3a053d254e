"""Resampling by any map; see `quarterturn.augment.geometry`."""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.compiling import kernel, lean

_f = np.float32


@kernel
def slanted_room(height, width):
    """What `slanted` needs for images of one size."""
    return (
        np.empty(3 * (height + 1) * (width + 1), np.float32),
        np.empty(3 * height * width, np.float32),
        np.empty(width, np.uint32),
        np.empty(width, np.float32),
        np.empty(width, np.float32),
    )


@lean
def _woven(planes, size, out):
    """Interleaved; the last row and the last column twice, so that all have a neighbour."""
    height, width = size
    pixels = height * width
    for y in range(height + 1):
        begin = min(y, height - 1) * width
        red, green = planes[begin : begin + width], planes[pixels + begin : pixels + begin + width]
        blue = planes[2 * pixels + begin : 2 * pixels + begin + width]
        line = out[3 * y * (width + 1) : 3 * (y + 1) * (width + 1)]
        for x in range(width):
            line[3 * x] = red[x]
            line[3 * x + 1] = green[x]
            line[3 * x + 2] = blue[x]
        for c in range(3 * width, 3 * width + 3):
            line[c] = line[c - 3]


@lean
def _taps(m, y, size, at, across, down):
    """Where the pixels of row y read, and the shares of the right and lower neighbours; from where
    to where the row is inside the image.
    """
    height, width = size
    middle, pitch = _f(y) + _f(0.5), np.int32(3 * (width + 1))
    start, stop = width, 0
    for i in range(width):
        x = m[0, 0] * (_f(i) + _f(0.5)) + (m[0, 1] * middle + m[0, 2])
        z = m[1, 0] * (_f(i) + _f(0.5)) + (m[1, 1] * middle + m[1, 2])
        far = max(
            abs(x * (_f(2.0) / _f(width)) - _f(1.0)), abs(z * (_f(2.0) / _f(height)) - _f(1.0))
        )
        inside = far <= _f(1.00001)
        start = min(start, i if inside else width)
        stop = max(stop, i + 1 if inside else 0)
        x = min(max(x - _f(0.5), _f(0.0)), _f(width - 1))
        z = min(max(z - _f(0.5), _f(0.0)), _f(height - 1))
        left, top = np.int32(x), np.int32(z)
        across[i], down[i] = x - _f(left), z - _f(top)
        at[i] = np.uint32(top * pitch + np.int32(3) * left)
    return start, max(start, stop)


@lean
def _mix_row(woven, pitch, at, across, down, start, stop, line):
    """Pixels of three interleaved numbers, each the bilinear mix of four neighbours."""
    for x in range(start, stop):
        share, lower_share, place = across[x], down[x], at[x]
        for c in range(3):
            corner = np.uint64(place) + np.uint64(c)
            below = corner + np.uint64(pitch)
            one, two = woven[corner], woven[corner + np.uint64(3)]
            three, four = woven[below], woven[below + np.uint64(3)]
            upper, lower = one + share * (two - one), three + share * (four - three)
            line[3 * x + c] = upper + lower_share * (lower - upper)


@lean
def _paint(line, start, stop, fill):
    for x in range(start, stop):
        for c in range(3):
            line[3 * x + c] = fill[c]


@lean
def slanted(planes, out, size, m, fill, room):
    """From flat planes to flat planes. Room is that of `slanted_room`."""
    woven, mixed, at, across, down = room
    height, width = size
    _woven(planes, size, woven)
    pitch = 3 * (width + 1)
    for y in range(height):
        left, right = _taps(m, y, size, at, across, down)
        line = mixed[3 * y * width :]
        _paint(line, 0, left, fill)
        _mix_row(woven, pitch, at, across, down, left, right, line)
        _paint(line, right, width, fill)
    pixels = height * width
    red, green, blue = out[:pixels], out[pixels : 2 * pixels], out[2 * pixels :]
    for i in range(pixels):
        red[i] = mixed[3 * i]
        green[i] = mixed[3 * i + 1]
        blue[i] = mixed[3 * i + 2]
