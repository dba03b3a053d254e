"""Sharpness: a blend with PIL's SMOOTH filter, whose border pixels are the image's own."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional

from quarterturn.augment import layout
from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import STRENGTH, jit, tl
from quarterturn.augment.kernels.pixels import clamp, copy
from quarterturn.augment.kernels.torch_pixels import blend
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo

_f = np.float32
_SMOOTH = ((1.0, 1.0, 1.0), (1.0, 5.0, 1.0), (1.0, 1.0, 1.0))


@lru_cache(maxsize=8)
def _smoothing(device: torch.device) -> torch.Tensor:
    """Made once: a tensor of Python numbers is copied to a GPU by waiting for it."""
    return torch.tensor(_SMOOTH, device=device).div_(13.0).expand(3, 1, 3, 3)


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    if min(images.shape[-2:]) < 3:
        return images
    smooth = images.clone()
    smooth[..., 1:-1, 1:-1] = functional.conv2d(images, _smoothing(images.device), groups=3)
    return blend(smooth, images, step.strength)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    height, width, _ = image.shape
    if height < 3 or width < 3:
        copy(image.reshape(-1), spare.reshape(-1))
        return
    factor, part = _f(1.0) + row[layout.STRENGTH], _f(1.0 / 13.0)
    flat, out, line = image.reshape(-1), spare.reshape(-1), 3 * width
    for y in range(1, height - 1):
        begin = y * line
        up, here = flat[begin - line : begin], flat[begin : begin + line]
        down, done = flat[begin + line : begin + 2 * line], out[begin + 3 : begin + line - 3]
        for i in range(done.shape[0]):  # the number at i + 3, between its neighbors
            around = up[i] + up[i + 3] + up[i + 6] + here[i] + here[i + 6]
            around += down[i] + down[i + 3] + down[i + 6]
            smooth = (around + _f(5.0) * here[i + 3]) * part
            done[i] = smooth + factor * (here[i + 3] - smooth)
        for i in range(done.shape[0]):  # apart: together they are not vectorized
            done[i] = clamp(done[i])
    for c in range(3):  # the border: blended with itself
        for y in range(0, height, height - 1):
            for x in range(width):
                spare[y, x, c] = clamp(image[y, x, c])
        for y in range(height):
            for x in range(0, width, width - 1):
                spare[y, x, c] = clamp(image[y, x, c])


@jit
def _sharpened(plane, at, there, width, inside, factor):
    value = tl.load(plane + at, there, 0.0)
    total = tl.load(plane + at, inside, 0.0) * 4.0
    for y in tl.static_range(-1, 2):
        for x in tl.static_range(-1, 2):
            total += tl.load(plane + at + y * width + x, inside, 0.0)
    smooth = tl.where(inside, total / 13.0, value)
    return triton_pixels.clamp(smooth + factor * (value - smooth))


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    factor = 1.0 + tl.load(row + STRENGTH)
    if (height < 3) | (width < 3):
        factor = 1.0
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        x, y = at % width, at // width
        inside = there & (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
        red = _sharpened(image, at, there, width, inside, factor)
        green = _sharpened(image + pixels, at, there, width, inside, factor)
        blue = _sharpened(image + 2 * pixels, at, there, width, inside, factor)
        triton_pixels.put(spare, pixels, at, there, red, green, blue)


OPERATION = Operation(
    OperationInfo(
        "sharpness",
        "Blend with a smoothed image.",
        unit="distance of the enhancement factor from 1",
        limit=1.0,
        search_limit=0.9,
        signed=True,
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu, fills_spare=True),
)
