"""Filters, and what covers a part; see `quarterturn.augment.filters`."""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.colours import clamp
from quarterturn.augment.kernels.compiling import kernel, lean
from quarterturn.augment.kernels.lanes import SUMS, weighted_sums

_f = np.float32


@lean
def sharpness(a, b, strength):
    """From a to b."""
    _, height, width = a.shape
    factor, part = _f(1.0) + strength, _f(1.0 / 13.0)
    for c in range(3):
        for y in range(1, height - 1):
            up, here, down, out = a[c, y - 1], a[c, y], a[c, y + 1], b[c, y]
            for x in range(1, width - 1):
                around = up[x - 1] + up[x] + up[x + 1] + here[x - 1] + here[x + 1]
                around += down[x - 1] + down[x] + down[x + 1]
                smooth = (around + _f(5.0) * here[x]) * part
                out[x] = smooth + factor * (here[x] - smooth)
            for x in range(1, width - 1):
                out[x] = clamp(out[x])
    for c in range(3):  # the border: blended with itself
        for y in range(0, height, height - 1):
            for x in range(width):
                b[c, y, x] = clamp(a[c, y, x])
        for y in range(height):
            for x in range(0, width, width - 1):
                b[c, y, x] = clamp(a[c, y, x])


@lean
def _reflected(at, size):
    at = abs(at)
    return 2 * (size - 1) - at if at > size - 1 else at


@kernel
def _blur_weights(sigma, size):
    """Of an odd number of neighbours; how far they reach."""
    reach = min(int(np.ceil(_f(3.0) * sigma)), size - 1)
    weights = np.empty(2 * reach + 1, np.float32)
    total = _f(0.0)
    for k in range(2 * reach + 1):
        offset = _f(k - reach) / sigma
        weights[k] = np.exp(_f(-0.5) * offset * offset)
        total += weights[k]
    for k in range(2 * reach + 1):
        weights[k] /= total
    return weights, reach


@lean
def _blurred(plane, size, across, side, down, top, tall, wide, done):
    """In place. What goes beyond a row is overwritten by the next."""
    height, width = size
    pitch = width + 2 * side
    for y in range(height + 2 * top):
        place = _reflected(y - top, height) * width
        line, row = tall[y * width : (y + 1) * width], plane[place : place + width]
        for x in range(width):
            line[x] = row[x]
    for y in range(height):
        for x in range(0, width, SUMS):
            weighted_sums(
                tall, y * width + x, width, down, down.shape[0], wide, y * pitch + side + x
            )
    for y in range(height):
        line = wide[y * pitch : (y + 1) * pitch]
        for i in range(side):
            line[i] = line[2 * side - i]
            line[side + width + i] = line[np.uint64(side + width - 2 - i)]
    for y in range(height):
        for x in range(0, width, SUMS):
            weighted_sums(wide, y * pitch + x, 1, across, across.shape[0], done, y * width + x)
    for i in range(plane.shape[0]):
        plane[i] = done[i]


@kernel
def gaussian_blur(a, sigma):
    """In place."""
    _, height, width = a.shape
    sigma = max(sigma, _f(1e-3))
    across, side = _blur_weights(sigma, width)
    down, top = _blur_weights(sigma, height)
    tall = np.empty((height + 2 * top) * width + SUMS, np.float32)
    wide = np.empty(height * (width + 2 * side) + SUMS, np.float32)
    done = np.empty(height * width + SUMS, np.float32)
    flat, pixels = a.reshape(-1), height * width
    for c in range(3):
        plane = flat[c * pixels : (c + 1) * pixels]
        _blurred(plane, (height, width), across, side, down, top, tall, wide, done)


@lean
def cutout(a, strength, centre, fill):
    _, height, width = a.shape
    side = strength * _f(width)
    left = max(centre[0] * _f(width) - side * _f(0.5), _f(0.0))
    top = max(centre[1] * _f(height) - side * _f(0.5), _f(0.0))
    for y in range(height):
        if top <= _f(y) + _f(0.5) < top + side:
            for x in range(width):
                if left <= _f(x) + _f(0.5) < left + side:
                    for c in range(3):
                        a[c, y, x] = fill[c]
