"""Changing values; see `quarterturn.augment.color`. Planes are flat."""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.compiling import kernel, lean

_f = np.float32


@lean
def clamp(value):
    return min(max(value, _f(0.0)), _f(1.0))


@lean
def blend_number(flat, other, strength):
    factor = _f(1.0) + strength
    for i in range(flat.shape[0]):
        flat[i] = clamp(other + factor * (flat[i] - other))


@lean
def _luma(red, green, blue):
    return _f(0.299) * red + _f(0.587) * green + _f(0.114) * blue


@lean
def mean_luma(red, green, blue):
    total = _f(0.0)
    for i in range(red.shape[0]):
        total += _luma(red[i], green[i], blue[i])
    return total / _f(red.shape[0])


@lean
def saturate(red, green, blue, factor):
    for i in range(red.shape[0]):
        grey = _luma(red[i], green[i], blue[i])
        red[i] = clamp(grey + factor * (red[i] - grey))
        green[i] = clamp(grey + factor * (green[i] - grey))
        blue[i] = clamp(grey + factor * (blue[i] - grey))


@lean
def _turned(turn, value, chroma):
    turn = turn - _f(6.0) * np.floor(turn * _f(1.0 / 6.0))
    return value - chroma * clamp(min(turn, _f(4.0) - turn))


@lean
def hue(red, green, blue, strength):
    for i in range(red.shape[0]):
        r, g, b = red[i], green[i], blue[i]
        value, lowest = max(r, g, b), min(r, g, b)
        chroma = value - lowest
        inverse = _f(1.0) / (chroma if chroma > _f(0.0) else _f(1.0))
        sector = _f(4.0) + (r - g) * inverse
        sector = _f(2.0) + (b - r) * inverse if value == g else sector
        sector = (g - b) * inverse if value == r else sector
        turned = sector + _f(6.0) * strength
        red[i] = _turned(turned + _f(5.0), value, chroma)
        green[i] = _turned(turned + _f(3.0), value, chroma)
        blue[i] = _turned(turned + _f(1.0), value, chroma)


@lean
def posterize(flat, strength):
    step = _f(2.0) ** np.floor(strength)
    if step <= _f(1.0):
        return
    inverse = _f(1.0) / step
    for i in range(flat.shape[0]):
        flat[i] = np.floor(np.rint(flat[i] * _f(255.0)) * inverse) * step * _f(1.0 / 255.0)


@lean
def auto_contrast(plane):
    low, high = plane[0], plane[0]
    for i in range(plane.shape[0]):
        low, high = min(low, plane[i]), max(high, plane[i])
    if high > low:
        inverse = _f(1.0) / max(high - low, _f(1e-8))
        for i in range(plane.shape[0]):
            plane[i] = (plane[i] - low) * inverse


@kernel
def equalize(plane):
    count = np.zeros(256, np.int64)
    brightest = 0
    for i in range(plane.shape[0]):
        level = np.int64(np.rint(plane[i] * _f(255.0)))
        count[level] += 1
        brightest = max(brightest, level)
    step = (plane.shape[0] - count[brightest]) // 255
    if step <= 0:
        return
    table = np.empty(256, np.float32)
    below = 0
    for level in range(256):
        table[level] = _f(min((below + step // 2) // step, 255)) * _f(1.0 / 255.0)
        below += count[level]
    for i in range(plane.shape[0]):
        plane[i] = table[np.int64(np.rint(plane[i] * _f(255.0)))]


@lean
def greyed(red, green, blue):
    for i in range(red.shape[0]):
        grey = _luma(red[i], green[i], blue[i])
        red[i], green[i], blue[i] = grey, grey, grey


@lean
def inverted(flat):
    for i in range(flat.shape[0]):
        flat[i] = _f(1.0) - flat[i]


@lean
def solarize(flat, strength):
    threshold = _f(256.0) * (_f(1.0) - strength)
    for i in range(flat.shape[0]):
        value = flat[i]
        flat[i] = _f(1.0) - value if value * _f(255.0) >= threshold else value


@lean
def add_noise(flat, noise, strength):
    for i in range(flat.shape[0]):
        flat[i] = clamp(flat[i] + strength * noise[i])
