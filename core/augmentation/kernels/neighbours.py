"""Filters, and what covers a part; see `core.augmentation.filters`."""

from __future__ import annotations

import numpy as np

from core.augmentation.kernels.colours import clamp
from core.augmentation.kernels.compiling import kernel

_f = np.float32


@kernel
def sharpness(a, b, strength):
    """From a to b."""
    _, height, width = a.shape
    factor, part = _f(1.0) + strength, _f(1.0 / 13.0)
    b[...] = a
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
        for y in range(height):
            for x in range(0, width, max(1, width - 1)):
                b[c, y, x] = clamp(a[c, y, x])


@kernel
def _reflected(at, size):
    at = abs(at)
    return 2 * (size - 1) - at if at > size - 1 else at


@kernel
def _blur_weights(sigma, size):
    """Of an odd number of neighbours, then zeros up to a multiple of four; how far they reach."""
    reach = min(int(np.ceil(_f(3.0) * sigma)), size - 1)
    weights = np.zeros((2 * reach + 4) // 4 * 4, np.float32)
    for k in range(2 * reach + 1):
        offset = _f(k - reach) / sigma
        weights[k] = np.exp(_f(-0.5) * offset * offset)
    return weights / weights.sum(), reach


@kernel
def _add_four(line, weights, one, two, three, four):
    """Short loops cost more than what they do: four neighbours at once."""
    w1, w2, w3, w4 = weights[0], weights[1], weights[2], weights[3]
    for x in range(line.shape[0]):
        line[x] += (w1 * one[x] + w2 * two[x]) + (w3 * three[x] + w4 * four[x])


@kernel
def gaussian_blur(a, b, sigma):
    """In place; b is overwritten."""
    _, height, width = a.shape
    sigma = max(sigma, _f(1e-3))
    across, reach = _blur_weights(sigma, width)
    padded = np.zeros(width + across.shape[0] + 3, np.float32)
    for c in range(3):
        for y in range(height):
            padded[reach : reach + width] = a[c, y]
            for i in range(reach):
                padded[i] = a[c, y, reach - i]
                padded[reach + width + i] = a[c, y, width - 2 - i]
            line = b[c, y]
            line[:] = _f(0.0)
            for k in range(0, across.shape[0], 4):
                _add_four(
                    line, across[k : k + 4], padded[k : k + width], padded[k + 1 : k + 1 + width],
                    padded[k + 2 : k + 2 + width], padded[k + 3 : k + 3 + width],
                )  # fmt: skip
    down, reach = _blur_weights(sigma, height)
    for c in range(3):
        for y in range(height):
            line = a[c, y]
            line[:] = _f(0.0)
            top = y - reach
            for k in range(0, down.shape[0], 4):
                # Weights of zero may read any row.
                two, three, four = top + k + 1, top + k + 2, top + k + 3
                _add_four(
                    line, down[k : k + 4],
                    b[c, _reflected(top + k, height)],
                    b[c, _reflected(min(two, y + reach), height)],
                    b[c, _reflected(min(three, y + reach), height)],
                    b[c, _reflected(min(four, y + reach), height)],
                )  # fmt: skip


@kernel
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
