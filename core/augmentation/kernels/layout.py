"""Between images as they come and go and the planes that kernels work on."""

from __future__ import annotations

import numpy as np

from core.augmentation.kernels.colours import clamp
from core.augmentation.kernels.compiling import kernel

_f = np.float32


@kernel
def load(source, scale, out):
    """(h, w, 3) numbers to (3, h, w)."""
    pixels = out.shape[1] * out.shape[2]
    numbers, flat = source.reshape(-1), out.reshape(-1)
    red, green, blue = flat[:pixels], flat[pixels : 2 * pixels], flat[2 * pixels :]
    for i in range(pixels):
        red[i] = _f(numbers[3 * i]) / scale
        green[i] = _f(numbers[3 * i + 1]) / scale
        blue[i] = _f(numbers[3 * i + 2]) / scale


@kernel
def store(a, out, channels_last, gain, shift):
    """Clamped, normalised, into the flat place of an image."""
    pixels = a.shape[1] * a.shape[2]
    flat = a.reshape(-1)
    red, green, blue = flat[:pixels], flat[pixels : 2 * pixels], flat[2 * pixels :]
    if channels_last:
        for i in range(pixels):
            out[3 * i] = clamp(red[i]) * gain[0] + shift[0]
            out[3 * i + 1] = clamp(green[i]) * gain[1] + shift[1]
            out[3 * i + 2] = clamp(blue[i]) * gain[2] + shift[2]
    else:
        for c in range(3):
            times, plus = gain[c], shift[c]
            plane, line = flat[c * pixels : (c + 1) * pixels], out[c * pixels : (c + 1) * pixels]
            for i in range(pixels):
                line[i] = clamp(plane[i]) * times + plus
