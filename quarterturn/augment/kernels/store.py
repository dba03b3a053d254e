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
def store(image, out, channels_last, gain, shift):
    """A flat image, clamped and normalized, channels last or first."""
    pixels = image.shape[0] // 3
    if channels_last:
        for i in range(pixels):
            out[3 * i] = clamp(image[3 * i]) * gain[0] + shift[0]
            out[3 * i + 1] = clamp(image[3 * i + 1]) * gain[1] + shift[1]
            out[3 * i + 2] = clamp(image[3 * i + 2]) * gain[2] + shift[2]
    else:
        red, green, blue = out[:pixels], out[pixels : 2 * pixels], out[2 * pixels :]
        for i in range(pixels):
            red[i] = clamp(image[3 * i]) * gain[0] + shift[0]
            green[i] = clamp(image[3 * i + 1]) * gain[1] + shift[1]
            blue[i] = clamp(image[3 * i + 2]) * gain[2] + shift[2]
