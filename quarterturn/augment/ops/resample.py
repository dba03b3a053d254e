"""Resampling: pixels moved by an affine map; the step that carries out affine operations.

Bilinear; what lies outside the image takes the fill color with a hard edge.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional

from quarterturn.augment import layout
from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import FILL, MAP, jit, tl
from quarterturn.augment.kernels.simd import mix_pixels
from quarterturn.augment.ops.operation import PixelKernel, StepArguments

_f = np.float32
#: Pixels as far outside, in halves of the image, are inside but for rounding.
_MARGIN = 1e-5


@lru_cache(maxsize=8)
def _size(width: int, height: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Made once: a tensor of Python numbers is copied to a GPU by waiting for it."""
    return torch.tensor((width, height), device=device, dtype=dtype).view(1, 2, 1)


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    count, _, height, width = images.shape
    maps = step.maps
    size = _size(width, height, images.device, maps.dtype)
    x = torch.arange(width, device=images.device, dtype=maps.dtype) + 0.5
    y = torch.arange(height, device=images.device, dtype=maps.dtype) + 0.5
    # Each coordinate is a sum of a row part and a column part: two small outer sums, no matmul.
    scaled = maps * (2.0 / size)
    column = scaled[:, :, 0:1] * x
    row = scaled[:, :, 1:2] * y + (scaled[:, :, 2:3] - 1.0)
    grid = row.unsqueeze(3) + column.unsqueeze(2)
    outside = grid.abs().amax(1) > 1.0 + _MARGIN
    moved = functional.grid_sample(
        images,
        grid.permute(0, 2, 3, 1),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return torch.where(outside.unsqueeze(1), step.fill.view(count, 3, 1, 1), moved)


@kernel
def _inside(x, width):
    """Whether a coordinate lies in the frame."""
    return abs(x * (_f(2.0) / _f(width)) - _f(1.0)) <= _f(1.0 + _MARGIN)


@kernel
def _place(x, width):
    """Of a coordinate the pixel before it, and the share of the pixel behind."""
    x = min(max(x - _f(0.5), _f(0.0)), _f(width - 1))
    left = np.int32(x)
    return left, x - _f(left)


@kernel
def _row_taps(a, c, width, at, share):
    """Where the pixels of any row read of a row, by an axis-aligned map; from where to where they
    are inside.
    """
    start, stop = width, 0
    for i in range(width):
        x = a * (_f(i) + _f(0.5)) + c
        inside = _inside(x, width)
        start = min(start, i if inside else width)
        stop = max(stop, i + 1 if inside else 0)
        left, share[i] = _place(x, width)
        at[i] = np.uint32(np.int32(3) * left)
    return start, max(start, stop)


@kernel
def _taps(m, y, size, at, across, down):
    """Where the pixels of row y read, and the shares of the right and lower neighbors; from where
    to where the row is inside the image.
    """
    height, width = size
    middle, pitch = _f(y) + _f(0.5), np.int32(3 * width)
    start, stop = width, 0
    for i in range(width):
        x = m[0] * (_f(i) + _f(0.5)) + (m[1] * middle + m[2])
        z = m[3] * (_f(i) + _f(0.5)) + (m[4] * middle + m[5])
        inside = _inside(x, width) and _inside(z, height)
        start = min(start, i if inside else width)
        stop = max(stop, i + 1 if inside else 0)
        left, across[i] = _place(x, width)
        top, down[i] = _place(z, height)
        at[i] = np.uint32(top * pitch + np.int32(3) * left)
    return start, max(start, stop)


@kernel
def _mix_across(source, begin, at, across, start, stop, line):
    """Pixels, each the mix of two neighbors of a row that begins at `begin`. The right one of the
    last column lies behind, and has no share. The last pixel also writes where the next row begins.
    """
    for x in range(start, stop):
        mix_pixels(source, begin + np.int64(at[x]), across[x], line, 3 * x)


@kernel
def _mix_down(upper, lower, down, start, stop, line):
    """Pixels, each the mix of those of two rows."""
    for x in range(start, stop):
        line[3 * x] = upper[3 * x] + down[x] * (lower[3 * x] - upper[3 * x])
        line[3 * x + 1] = upper[3 * x + 1] + down[x] * (lower[3 * x + 1] - upper[3 * x + 1])
        line[3 * x + 2] = upper[3 * x + 2] + down[x] * (lower[3 * x + 2] - upper[3 * x + 2])


@kernel
def _paint(line, start, stop, fill):
    for x in range(start, stop):
        for c in range(3):
            line[3 * x + c] = fill[c]


@kernel
def is_aligned(row):
    """Whether the map has neither rotation nor shear."""
    return row[layout.MAP + 1] == _f(0.0) and row[layout.MAP + 3] == _f(0.0)


@kernel
def resample_aligned(source, scale, spare, row, scratch):
    """By such a map: rows are mixed first, then columns. The source is flat, of any type, and over
    `scale` in [0, 1], so an image need not be loaded before.
    """
    height, width, _ = spare.shape
    line_size, out = 3 * width, spare.reshape(-1)
    m, fill = row[layout.MAP : layout.MAP + 6], row[layout.FILL : layout.FILL + 3]
    at, across = scratch[:width].view(np.uint32), scratch[width : 2 * width]
    mixed = scratch[2 * width :]
    left, right = _row_taps(m[0], m[2], width, at, across)
    for y in range(height):
        line = out[y * line_size : (y + 1) * line_size]
        z = m[4] * (_f(y) + _f(0.5)) + m[5]
        if not _inside(z, height):
            _paint(line, 0, width, fill)
            continue
        top, share = _place(z, height)
        upper = source[top * line_size :]
        lower = source[min(top + 1, height - 1) * line_size :]
        for x in range(line_size):
            one, other = _f(upper[x]) / scale, _f(lower[x]) / scale
            mixed[x] = one + share * (other - one)
        _paint(line, 0, left, fill)
        _mix_across(mixed, 0, at, across, left, right, line)
        _paint(line, right, width, fill)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    if is_aligned(row):
        resample_aligned(image.reshape(-1), _f(1.0), spare, row, scratch)
        return
    height, width, _ = image.shape
    source, out = image.reshape(-1), spare.reshape(-1)
    m, fill = row[layout.MAP : layout.MAP + 6], row[layout.FILL : layout.FILL + 3]
    at, across = scratch[:width].view(np.uint32), scratch[width : 2 * width]
    down, upper = scratch[2 * width : 3 * width], scratch[3 * width : 6 * width + 4]
    lower = scratch[6 * width + 4 :]
    for y in range(height):
        left, right = _taps(m, y, (height, width), at, across, down)
        _mix_across(source, 0, at, across, left, right, upper)
        _mix_across(source, 3 * width, at, across, left, right, lower)
        line = out[3 * y * width : 3 * (y + 1) * width]
        _paint(line, 0, left, fill)
        _mix_down(upper, lower, down, left, right, line)
        _paint(line, right, width, fill)


@jit
def _mix(plane, corner, right, down, across, along, there):
    """The bilinear mix of four neighbors."""
    one = tl.load(plane + corner, there, 0.0)
    two = tl.load(plane + corner + right, there, 0.0)
    three = tl.load(plane + corner + down, there, 0.0)
    four = tl.load(plane + corner + down + right, there, 0.0)
    upper, lower = one + across * (two - one), three + across * (four - three)
    return upper + along * (lower - upper)


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    a, b, c = tl.load(row + MAP), tl.load(row + MAP + 1), tl.load(row + MAP + 2)
    d, e, f = tl.load(row + MAP + 3), tl.load(row + MAP + 4), tl.load(row + MAP + 5)
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
        red = _mix(image, corner, right, down, across, along, there)
        green = _mix(image + pixels, corner, right, down, across, along, there)
        blue = _mix(image + 2 * pixels, corner, right, down, across, along, there)
        red = tl.where(outside, tl.load(row + FILL), red)
        green = tl.where(outside, tl.load(row + FILL + 1), green)
        blue = tl.where(outside, tl.load(row + FILL + 2), blue)
        triton_pixels.put(spare, pixels, at, there, red, green, blue)


RESAMPLE = PixelKernel(torch_ref, numba_cpu, triton_gpu, fills_spare=True)
