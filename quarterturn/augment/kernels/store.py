"""Between images as they come and go, and those that kernels of numba work on."""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.pixels import clamp

_f = np.float32


@kernel
def load(numbers, scale, image):
    """Flat numbers over the scale."""
    for i in range(image.shape[0]):
        image[i] = _f(numbers[i]) / scale


@kernel
def _store_line(line, gain, shift, out):
    for i in range(gain.shape[0]):
        out[i] = clamp(line[i]) * gain[i] + shift[i]


@kernel
def store(image, out, channels_last, gain, shift):
    """A flat image, clamped and normalized, channels last or first; gain and shift are those of
    each number of a row.
    """
    if channels_last:
        row = gain.shape[0]
        for begin in range(0, image.shape[0], row):
            _store_line(image[begin : begin + row], gain, shift, out[begin : begin + row])
        return
    pixels = image.shape[0] // 3
    red, green, blue = out[:pixels], out[pixels : 2 * pixels], out[2 * pixels :]
    for i in range(pixels):
        red[i] = clamp(image[3 * i]) * gain[0] + shift[0]
        green[i] = clamp(image[3 * i + 1]) * gain[1] + shift[1]
        blue[i] = clamp(image[3 * i + 2]) * gain[2] + shift[2]
