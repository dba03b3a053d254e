"""Operations that move pixels or read their neighbours, from one image to another; see
`quarterturn.augment.geometry` and `quarterturn.augment.filters`.
"""

from __future__ import annotations

import triton
import triton.language as tl

from quarterturn.augment.gpu.codes import AT_FILL, AT_MAP, AT_STRENGTH
from quarterturn.augment.gpu.values import clamp, put


@triton.jit
def flip(image, out, mirror, height, width, SPAN: tl.constexpr):
    """Left and right where `mirror` holds, else top and bottom."""
    pixels = height * width
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        x, y = at % width, at // width
        source = tl.where(mirror, y * width + width - 1 - x, (height - 1 - y) * width + x)
        red = tl.load(image + source, there, 0.0)
        green = tl.load(image + pixels + source, there, 0.0)
        blue = tl.load(image + 2 * pixels + source, there, 0.0)
        put(out, pixels, at, there, red, green, blue)


@triton.jit
def _between(plane, corner, right, down, across, along, there):
    """The bilinear mix of four neighbours."""
    one = tl.load(plane + corner, there, 0.0)
    two = tl.load(plane + corner + right, there, 0.0)
    three = tl.load(plane + corner + down, there, 0.0)
    four = tl.load(plane + corner + down + right, there, 0.0)
    upper, lower = one + across * (two - one), three + across * (four - three)
    return upper + along * (lower - upper)


@triton.jit
def resample(image, out, row, height, width, SPAN: tl.constexpr):
    pixels = height * width
    a, b, c = tl.load(row + AT_MAP), tl.load(row + AT_MAP + 1), tl.load(row + AT_MAP + 2)
    d, e, f = tl.load(row + AT_MAP + 3), tl.load(row + AT_MAP + 4), tl.load(row + AT_MAP + 5)
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        x, y = (at % width) + 0.5, (at // width) + 0.5
        u, v = a * x + (b * y + c), d * x + (e * y + f)
        far = tl.maximum(tl.abs(u * (2.0 / width) - 1.0), tl.abs(v * (2.0 / height) - 1.0))
        outside = far > 1.0 + 1e-5
        u = tl.minimum(tl.maximum(u - 0.5, 0.0), width - 1.0)
        v = tl.minimum(tl.maximum(v - 0.5, 0.0), height - 1.0)
        left, top = tl.floor(u), tl.floor(v)
        across, along = u - left, v - top
        left, top = left.to(tl.int32), top.to(tl.int32)
        right = tl.where(left < width - 1, 1, 0)
        down = tl.where(top < height - 1, width, 0)
        corner = top * width + left
        red = _between(image, corner, right, down, across, along, there)
        green = _between(image + pixels, corner, right, down, across, along, there)
        blue = _between(image + 2 * pixels, corner, right, down, across, along, there)
        red = tl.where(outside, tl.load(row + AT_FILL), red)
        green = tl.where(outside, tl.load(row + AT_FILL + 1), green)
        blue = tl.where(outside, tl.load(row + AT_FILL + 2), blue)
        put(out, pixels, at, there, red, green, blue)


@triton.jit
def _smooth(plane, at, width, inside):
    total = tl.load(plane + at, inside, 0.0) * 4.0
    for y in tl.static_range(-1, 2):
        for x in tl.static_range(-1, 2):
            total += tl.load(plane + at + y * width + x, inside, 0.0)
    return total / 13.0


@triton.jit
def _sharpened(plane, at, there, width, inside, factor):
    value = tl.load(plane + at, there, 0.0)
    smooth = tl.where(inside, _smooth(plane, at, width, inside), value)
    return clamp(smooth + factor * (value - smooth))


@triton.jit
def sharpness(image, out, row, height, width, SPAN: tl.constexpr):
    """Of images of three rows and columns at least."""
    pixels = height * width
    factor = 1.0 + tl.load(row + AT_STRENGTH)
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        x, y = at % width, at // width
        inside = there & (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
        red = _sharpened(image, at, there, width, inside, factor)
        green = _sharpened(image + pixels, at, there, width, inside, factor)
        blue = _sharpened(image + 2 * pixels, at, there, width, inside, factor)
        put(out, pixels, at, there, red, green, blue)


@triton.jit
def _blurred(image, out, sigma, size, along, height, width, SPAN: tl.constexpr):
    """Along one axis, of `size` pixels: `along` x where it holds, else y."""
    pixels = height * width
    reach = tl.ceil(3.0 * sigma)
    radius = tl.minimum(reach, size - 1.0).to(tl.int32)
    step = tl.where(along, 1, width)
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        place = tl.where(along, at % width, at // width)
        line = at - place * step
        red = tl.zeros((SPAN,), tl.float32)
        green = tl.zeros((SPAN,), tl.float32)
        blue = tl.zeros((SPAN,), tl.float32)
        whole = 0.0
        for offset in range(-radius, radius + 1):
            ratio = offset / sigma
            weight = tl.exp(-0.5 * ratio * ratio)
            source = tl.abs(place + offset)
            source = tl.where(source > size - 1, 2 * (size - 1) - source, source)
            source = line + source * step
            red += weight * tl.load(image + source, there, 0.0)
            green += weight * tl.load(image + pixels + source, there, 0.0)
            blue += weight * tl.load(image + 2 * pixels + source, there, 0.0)
            whole += weight
        put(out, pixels, at, there, red / whole, green / whole, blue / whole)


@triton.jit
def gaussian_blur(image, room, row, height, width, SPAN: tl.constexpr):
    """In place, by way of `room`."""
    sigma = tl.maximum(tl.load(row + AT_STRENGTH), 1e-3)
    _blurred(image, room, sigma, width, True, height, width, SPAN)
    tl.debug_barrier()
    _blurred(room, image, sigma, height, False, height, width, SPAN)
