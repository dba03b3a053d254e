"""Steps on the values of pixels that several operations share, for Triton."""

from __future__ import annotations

from quarterturn.augment.kernels.language import constant, jit, tl

#: Added to and taken from a float32 below 2**22 it rounds, halves to even.
_ROUNDING = constant(12582912.0)


@jit
def clamp(value):
    return tl.minimum(tl.maximum(value, 0.0), 1.0)


@jit
def luma(red, green, blue):
    return 0.299 * red + 0.587 * green + 0.114 * blue


@jit
def level(value):
    """The 8-bit value, as a float."""
    return (value * 255.0 + _ROUNDING) - _ROUNDING


@jit
def planes(image, start, pixels, SPAN: tl.constexpr):
    """A part of an image: which pixels, which of them exist, and their values."""
    at = start + tl.arange(0, SPAN)
    there = at < pixels
    red = tl.load(image + at, there, 0.0)
    green = tl.load(image + pixels + at, there, 0.0)
    blue = tl.load(image + 2 * pixels + at, there, 0.0)
    return at, there, red, green, blue


@jit
def put(image, pixels, at, there, red, green, blue):
    """The values of a part of an image."""
    tl.store(image + at, red, there)
    tl.store(image + pixels + at, green, there)
    tl.store(image + 2 * pixels + at, blue, there)


@jit
def mirror(image, out, across, height, width, SPAN: tl.constexpr):
    """Left and right where `across` holds, else top and bottom."""
    pixels = height * width
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        x, y = at % width, at // width
        source = tl.where(across, y * width + width - 1 - x, (height - 1 - y) * width + x)
        red = tl.load(image + source, there, 0.0)
        green = tl.load(image + pixels + source, there, 0.0)
        blue = tl.load(image + 2 * pixels + source, there, 0.0)
        put(out, pixels, at, there, red, green, blue)
