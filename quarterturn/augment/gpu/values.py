"""Operations on the values of pixels; see `quarterturn.augment.color`."""

from __future__ import annotations

import triton
import triton.language as tl

from quarterturn.augment.gpu.codes import (
    AT_CENTRE,
    AT_FILL,
    AT_NOISE,
    AT_STRENGTH,
    AUTO_CONTRAST,
    BRIGHTNESS,
    CONTRAST,
    CUTOUT,
    GAUSSIAN_NOISE,
    GRAYSCALE,
    HUE,
    INVERT,
    LEVELS,
    POSTERIZE,
    SATURATION,
    SOLARIZE,
)

#: Added to and taken from a float32 below 2**22 it rounds, halves to even.
_ROUNDING = tl.constexpr(12582912.0)


@triton.jit
def clamp(value):
    return tl.minimum(tl.maximum(value, 0.0), 1.0)


@triton.jit
def luma(red, green, blue):
    return 0.299 * red + 0.587 * green + 0.114 * blue


@triton.jit
def level(value):
    """The 8-bit value, as a float."""
    return (value * 255.0 + _ROUNDING) - _ROUNDING


@triton.jit
def planes(image, start, pixels, SPAN: tl.constexpr):
    """A part of an image: which pixels, which of them exist, and their values."""
    at = start + tl.arange(0, SPAN)
    there = at < pixels
    red = tl.load(image + at, there, 0.0)
    green = tl.load(image + pixels + at, there, 0.0)
    blue = tl.load(image + 2 * pixels + at, there, 0.0)
    return at, there, red, green, blue


@triton.jit
def put(image, pixels, at, there, red, green, blue):
    tl.store(image + at, red, there)
    tl.store(image + pixels + at, green, there)
    tl.store(image + 2 * pixels + at, blue, there)


@triton.jit
def mean_luma(image, pixels, SPAN: tl.constexpr):
    total = 0.0
    for start in range(0, pixels, SPAN):
        _, _, red, green, blue = planes(image, start, pixels, SPAN)
        total += tl.sum(luma(red, green, blue), 0)
    return total / pixels


@triton.jit
def extremes(plane, pixels, SPAN: tl.constexpr):
    """The lowest and the highest value of a channel."""
    low, high = 2.0, -1.0
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        low = tl.minimum(low, tl.min(tl.load(plane + at, there, 2.0), 0))
        high = tl.maximum(high, tl.max(tl.load(plane + at, there, -1.0), 0))
    return low, high


@triton.jit
def _turned(turn, value, chroma):
    turn = turn - 6.0 * tl.floor(turn / 6.0)
    return value - chroma * clamp(tl.minimum(turn, 4.0 - turn))


@triton.jit
def _hue(red, green, blue, strength):
    value = tl.maximum(tl.maximum(red, green), blue)
    chroma = value - tl.minimum(tl.minimum(red, green), blue)
    divisor = tl.where(chroma > 0.0, chroma, 1.0)
    sector = tl.where(
        value == red,
        (green - blue) / divisor,
        tl.where(value == green, 2.0 + (blue - red) / divisor, 4.0 + (red - green) / divisor),
    )
    turned = sector + 6.0 * strength
    return (
        _turned(turned + 5.0, value, chroma),
        _turned(turned + 3.0, value, chroma),
        _turned(turned + 1.0, value, chroma),
    )


@triton.jit
def _solarized(value, threshold):
    return tl.where(value * 255.0 >= threshold, 1.0 - value, value)


@triton.jit
def _posterized(value, step):
    coarse = tl.floor(level(value) / step) * step / 255.0
    return tl.where(step > 1.0, coarse, value)


@triton.jit
def equalize(plane, table, pixels, SPAN: tl.constexpr):
    """One channel, in place. `table` has room for LEVELS numbers."""
    levels = tl.arange(0, LEVELS)
    count = tl.zeros((LEVELS,), tl.int32)
    brightest = 0
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        found = level(tl.load(plane + at, there, 0.0)).to(tl.int32)
        missing = tl.maximum(start + SPAN - pixels, 0)  # counted as black
        count += tl.histogram(found, LEVELS) - tl.where(levels == 0, missing, 0)
        brightest = tl.maximum(brightest, tl.max(found, 0))
    step = (pixels - tl.sum(tl.where(levels == brightest, count, 0), 0)) // 255
    below = tl.cumsum(count, 0) - count
    mapped = tl.minimum((below + step // 2) // tl.maximum(step, 1), 255)
    tl.store(table + levels, mapped.to(tl.float32) / 255.0)
    tl.debug_barrier()
    if step > 0:
        for start in range(0, pixels, SPAN):
            at = start + tl.arange(0, SPAN)
            there = at < pixels
            found = level(tl.load(plane + at, there, 0.0)).to(tl.int32)
            tl.store(plane + at, tl.load(table + found, there, 0.0), there)


@triton.jit
def _stretched(value, low, span):
    return tl.where(span > 0.0, (value - low) / tl.maximum(span, 1e-8), value)


@triton.jit
def change(image, code, row, noise, count, height, width, SPAN: tl.constexpr):
    """An operation that needs no neighbours, in place.

    Args:
        row: the numbers of the step.
        noise: the first that is there of this image; the next one is `count` images further.
    """
    pixels = height * width
    strength = tl.load(row + AT_STRENGTH)
    average = 0.0
    low_r, low_g, low_b = 0.0, 0.0, 0.0
    high_r, high_g, high_b = 0.0, 0.0, 0.0
    if code == CONTRAST:
        average = mean_luma(image, pixels, SPAN)
    if code == AUTO_CONTRAST:
        low_r, high_r = extremes(image, pixels, SPAN)
        low_g, high_g = extremes(image + pixels, pixels, SPAN)
        low_b, high_b = extremes(image + 2 * pixels, pixels, SPAN)
    tl.debug_barrier()
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = planes(image, start, pixels, SPAN)
        factor = 1.0 + strength
        if code == BRIGHTNESS:
            red, green, blue = clamp(factor * red), clamp(factor * green), clamp(factor * blue)
        elif code == CONTRAST:
            red = clamp(average + factor * (red - average))
            green = clamp(average + factor * (green - average))
            blue = clamp(average + factor * (blue - average))
        elif code == SATURATION:
            grey = luma(red, green, blue)
            red = clamp(grey + factor * (red - grey))
            green = clamp(grey + factor * (green - grey))
            blue = clamp(grey + factor * (blue - grey))
        elif code == HUE:
            red, green, blue = _hue(red, green, blue, strength)
        elif code == GRAYSCALE:
            red = luma(red, green, blue)
            green, blue = red, red
        elif code == INVERT:
            red, green, blue = 1.0 - red, 1.0 - green, 1.0 - blue
        elif code == SOLARIZE:
            threshold = 256.0 * (1.0 - strength)
            red = _solarized(red, threshold)
            green, blue = _solarized(green, threshold), _solarized(blue, threshold)
        elif code == POSTERIZE:
            step = tl.exp2(tl.floor(strength))
            red, green = _posterized(red, step), _posterized(green, step)
            blue = _posterized(blue, step)
        elif code == AUTO_CONTRAST:
            red = _stretched(red, low_r, high_r - low_r)
            green = _stretched(green, low_g, high_g - low_g)
            blue = _stretched(blue, low_b, high_b - low_b)
        elif code == GAUSSIAN_NOISE:
            own = noise + tl.load(row + AT_NOISE).to(tl.int64) * count * 3 * pixels
            _, _, noise_r, noise_g, noise_b = planes(own, start, pixels, SPAN)
            red, green = clamp(red + strength * noise_r), clamp(green + strength * noise_g)
            blue = clamp(blue + strength * noise_b)
        elif code == CUTOUT:
            side = strength * width
            left = tl.maximum(tl.load(row + AT_CENTRE) * width - side / 2.0, 0.0)
            top = tl.maximum(tl.load(row + AT_CENTRE + 1) * height - side / 2.0, 0.0)
            x, y = (at % width) + 0.5, (at // width) + 0.5
            inside = (x >= left) & (x < left + side) & (y >= top) & (y < top + side)
            red = tl.where(inside, tl.load(row + AT_FILL), red)
            green = tl.where(inside, tl.load(row + AT_FILL + 1), green)
            blue = tl.where(inside, tl.load(row + AT_FILL + 2), blue)
        put(image, pixels, at, there, red, green, blue)
