"""Gaussian blur: by `strength` pixels, kernels cut at three sigma, reflecting at the border."""

from __future__ import annotations

import math

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import allocating_kernel, kernel
from quarterturn.augment.kernels.language import STRENGTH, jit, tl
from quarterturn.augment.kernels.pixels import copy
from quarterturn.augment.kernels.simd import SUMS, weighted_sums
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo

_f = np.float32
_LEAST_SIGMA = 1e-3


def _blur_matrix(sigma: torch.Tensor, largest: float, size: int) -> torch.Tensor:
    """(n, size, size) matrices that blur along one axis, reflecting at the border."""
    radius = min(math.ceil(3.0 * largest), size - 1)
    offsets = torch.arange(-radius, radius + 1, device=sigma.device, dtype=torch.float32)
    sigma = sigma.clamp_min(_LEAST_SIGMA).view(-1, 1)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2) * (offsets.abs() <= (3.0 * sigma).ceil())
    weights = weights / weights.sum(1, keepdim=True)
    source = torch.arange(size, device=sigma.device).view(-1, 1) + offsets.long()
    source = source.abs()
    source = torch.where(source > size - 1, 2 * (size - 1) - source, source)
    matrix = torch.zeros(sigma.shape[0], size, size, device=sigma.device)
    count = sigma.shape[0]
    return matrix.scatter_add_(
        2, source.expand(count, -1, -1), weights.unsqueeze(1).expand(-1, size, -1)
    )


def blur(images: torch.Tensor, sigma: torch.Tensor, largest: float) -> torch.Tensor:
    """Images (n, 3, h, w) blurred, each by its own of `sigma` (n,), the largest being `largest`."""
    count, channels, height, width = images.shape
    across = _blur_matrix(sigma, largest, width)
    down = across if height == width else _blur_matrix(sigma, largest, height)
    rows = images.reshape(count, channels * height, width) @ across.transpose(1, 2)
    return down.unsqueeze(1) @ rows.view(count, channels, height, width)


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    return blur(images, step.strength, step.largest_strength)


@kernel
def _reflect(at, size):
    at = abs(at)
    return 2 * (size - 1) - at if at > size - 1 else at


@allocating_kernel
def _weights(sigma, size):
    """Of an odd number of neighbours; how far they reach."""
    reach = min(int(np.ceil(_f(3.0) * sigma)), size - 1)
    weights = np.empty(2 * reach + 1, np.float32)
    total = _f(0.0)
    for k in range(2 * reach + 1):
        offset = _f(k - reach) / sigma
        weights[k] = np.exp(_f(-0.5) * offset * offset)
        total += weights[k]
    for k in range(2 * reach + 1):
        weights[k] /= total
    return weights, reach


@allocating_kernel
def numba_cpu(image, spare, row, noise, scratch):
    height, width, _ = image.shape
    line = 3 * width
    sigma = max(row[layout.STRENGTH], _f(_LEAST_SIGMA))
    across, side = _weights(sigma, width)
    down, top = _weights(sigma, height)
    # With the rows that lie beyond, and then with the columns. What goes beyond a row is
    # overwritten by the next.
    tall = np.empty((height + 2 * top) * line + SUMS, np.float32)
    pitch = 3 * (width + 2 * side)
    wide = np.empty(height * pitch + SUMS, np.float32)
    done = np.empty(height * line + SUMS, np.float32)
    flat = image.reshape(-1)
    for y in range(height + 2 * top):
        place = _reflect(y - top, height) * line
        copy(flat[place : place + line], tall[y * line : (y + 1) * line])
    for y in range(height):
        for x in range(0, line, SUMS):
            weighted_sums(
                tall, y * line + x, line, down, down.shape[0], wide, y * pitch + 3 * side + x
            )
    for y in range(height):
        edged = wide[y * pitch : (y + 1) * pitch]
        for i in range(side):
            for c in range(3):
                edged[3 * i + c] = edged[3 * (2 * side - i) + c]
                last = np.uint64(side + width - 2 - i)
                edged[3 * (side + width + i) + c] = edged[np.uint64(3) * last + np.uint64(c)]
    for y in range(height):
        for x in range(0, line, SUMS):
            weighted_sums(wide, y * pitch + x, 3, across, across.shape[0], done, y * line + x)
    copy(done, flat)


@jit
def _triton_blur(image, out, sigma, size, along, height, width, SPAN: tl.constexpr):
    """Along one axis, of `size` pixels: `along` x where it holds, else y."""
    pixels = height * width
    reach = tl.ceil(3.0 * sigma)
    radius = tl.minimum(reach, size - 1.0).to(tl.int32)
    pitch = tl.where(along, 1, width)
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        place = tl.where(along, at % width, at // width)
        line = at - place * pitch
        red = tl.zeros((SPAN,), tl.float32)
        green = tl.zeros((SPAN,), tl.float32)
        blue = tl.zeros((SPAN,), tl.float32)
        whole = 0.0
        for offset in range(-radius, radius + 1):
            ratio = offset / sigma
            weight = tl.exp(-0.5 * ratio * ratio)
            source = tl.abs(place + offset)
            source = tl.where(source > size - 1, 2 * (size - 1) - source, source)
            source = line + source * pitch
            red += weight * tl.load(image + source, there, 0.0)
            green += weight * tl.load(image + pixels + source, there, 0.0)
            blue += weight * tl.load(image + 2 * pixels + source, there, 0.0)
            whole += weight
        triton_pixels.put(out, pixels, at, there, red / whole, green / whole, blue / whole)


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    sigma = tl.maximum(tl.load(row + STRENGTH), 1e-3)
    _triton_blur(image, spare, sigma, width, True, height, width, SPAN)
    tl.debug_barrier()
    _triton_blur(spare, image, sigma, height, False, height, width, SPAN)


OPERATION = Operation(
    OperationInfo(
        "gaussian_blur",
        "Blur.",
        unit="standard deviation in pixels",
        limit=10.0,
        search_limit=2.0,
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
