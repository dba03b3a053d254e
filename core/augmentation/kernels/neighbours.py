"""Filters, and what covers a part; see `core.augmentation.filters`."""

from __future__ import annotations

import numpy as np

from core.augmentation.kernels.colours import clamp
from core.augmentation.kernels.compiling import kernel

_f = np.float32
#: Values: with four neighbours, some 40 KB.
_PIECE = 2048


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
def _weighted_sum(source, weights, apart, out, count):
    """out[i] = the sum over k of weights[k] * source[i + k * apart], i below count.

    Four neighbours at once and pieces that stay in the first cache.
    """
    for start in range(0, count, _PIECE):
        line = out[start : min(start + _PIECE, count)]
        line[:] = _f(0.0)
        size = line.shape[0]
        for k in range(0, weights.shape[0], 4):
            at = start + k * apart
            w1, w2, w3, w4 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
            one, two = source[at : at + size], source[at + apart : at + apart + size]
            at += 2 * apart
            three, four = source[at : at + size], source[at + apart : at + apart + size]
            for x in range(size):
                line[x] += (w1 * one[x] + w2 * two[x]) + (w3 * three[x] + w4 * four[x])


@kernel
def gaussian_blur(a, sigma):
    """In place. Rows and columns are padded, so that both passes run over flat memory."""
    _, height, width = a.shape
    sigma = max(sigma, _f(1e-3))
    across, side = _blur_weights(sigma, width)
    down, top = _blur_weights(sigma, height)
    pitch, rows = width + 2 * side, height + 2 * top
    # Weights of zero read up to three places or rows beyond the end.
    padded = np.zeros(rows * pitch + across.shape[0] + 3, np.float32)
    mixed = np.zeros((rows + 4) * pitch, np.float32)
    done = np.empty(height * pitch, np.float32)
    for c in range(3):
        for y in range(rows):
            source = a[c, _reflected(y - top, height)]
            line = padded[y * pitch : (y + 1) * pitch]
            line[side : side + width] = source
            for i in range(side):
                line[i] = source[side - i]
                line[side + width + i] = source[width - 2 - i]
        _weighted_sum(padded, across, 1, mixed, rows * pitch)
        _weighted_sum(mixed, down, pitch, done, height * pitch)
        for y in range(height):
            a[c, y] = done[y * pitch : y * pitch + width]


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
