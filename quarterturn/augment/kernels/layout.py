"""Between images as they come and go, and the planes or rows that kernels work on."""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.colours import clamp
from quarterturn.augment.kernels.compiling import lean

_f = np.float32


@lean
def unweave(numbers, scale, red, green, blue):
    """Numbers of interleaved channels over the scale, to the beginnings of three lines."""
    for i in range(numbers.shape[0] // 3):
        red[i] = _f(numbers[3 * i]) / scale
        green[i] = _f(numbers[3 * i + 1]) / scale
        blue[i] = _f(numbers[3 * i + 2]) / scale


@lean
def weave(red, green, blue, gain, shift, out):
    """Clamped, normalised, from the beginnings of three lines to interleaved channels."""
    for i in range(out.shape[0] // 3):
        out[3 * i] = clamp(red[i]) * gain[0] + shift[0]
        out[3 * i + 1] = clamp(green[i]) * gain[1] + shift[1]
        out[3 * i + 2] = clamp(blue[i]) * gain[2] + shift[2]


@lean
def normalise(line, gain, shift, out):
    """Clamped, normalised."""
    for i in range(out.shape[0]):
        out[i] = clamp(line[i]) * gain + shift


@lean
def blend(one, other, share, out):
    """The share of the other; out may be shorter."""
    for i in range(out.shape[0]):
        out[i] = one[i] + share * (other[i] - one[i])


@lean
def finish(one, other, share, gain, shift, out):
    """As `blend`; clamped, normalised."""
    for i in range(out.shape[0]):
        out[i] = clamp(one[i] + share * (other[i] - one[i])) * gain + shift


@lean
def load(numbers, scale, planes):
    """Numbers of interleaved channels to flat planes."""
    pixels = planes.shape[0] // 3
    unweave(numbers, scale, planes[:pixels], planes[pixels : 2 * pixels], planes[2 * pixels :])


@lean
def store(planes, out, channels_last, gain, shift):
    """Clamped, normalised, into the flat place of an image."""
    pixels = planes.shape[0] // 3
    if channels_last:
        red, green, blue = planes[:pixels], planes[pixels : 2 * pixels], planes[2 * pixels :]
        weave(red, green, blue, gain, shift, out)
    else:
        for c in range(3):
            begin, end = c * pixels, (c + 1) * pixels
            normalise(planes[begin:end], gain[c], shift[c], out[begin:end])


@lean
def paint(out, channels_last, y, start, stop, size, fill, gain, shift):
    """Columns start to stop of row y of a flat image take a colour, normalised."""
    if start == stop:
        return
    height, width = size
    for c in range(3):
        value = fill[c] * gain[c] + shift[c]
        if channels_last:
            for x in range(y * width + start, y * width + stop):
                out[3 * x + c] = value
        else:
            place = (c * height + y) * width
            for x in range(place + start, place + stop):
                out[x] = value


@lean
def flip(a, b, across):
    """From a to b."""
    _, height, width = a.shape
    for c in range(3):
        for y in range(height):
            if across:
                line, out = a[c, y], b[c, y]
                for x in range(width):
                    out[x] = line[np.uint64(width - 1 - x)]
            else:
                line, out = a[c, height - 1 - y], b[c, y]
                for x in range(width):
                    out[x] = line[x]
