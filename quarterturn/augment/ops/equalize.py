"""Equalize: PIL's histogram equalization of each channel, on 8-bit values."""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment.kernels.compile import allocating_kernel
from quarterturn.augment.kernels.language import LEVELS, jit, tl
from quarterturn.augment.kernels.triton_pixels import level
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo

_f = np.float32


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    count, channels = images.shape[:2]
    values = (images * 255.0).round().long().view(count * channels, -1)
    histogram = torch.zeros(count * channels, 256, dtype=torch.long, device=images.device)
    histogram.scatter_add_(1, values, torch.ones_like(values))
    brightest = histogram.gather(1, values.amax(1, keepdim=True))
    unit = torch.div(values.shape[1] - brightest, 255, rounding_mode="floor")
    below = histogram.cumsum(1) - histogram
    table = torch.div(below + unit // 2, unit.clamp_min(1), rounding_mode="floor").clamp_(0, 255)
    equalized = table.gather(1, values).view_as(images).to(images.dtype) / 255.0
    return torch.where(unit.view(count, channels, 1, 1) > 0, equalized, images)


@allocating_kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat = image.reshape(-1)
    count, table = np.empty(256, np.int64), np.empty(256, np.float32)
    for c in range(3):
        count[:] = 0
        brightest = 0
        for i in range(c, flat.shape[0], 3):
            value = np.int64(np.rint(flat[i] * _f(255.0)))
            count[value] += 1
            brightest = max(brightest, value)
        unit = (flat.shape[0] // 3 - count[brightest]) // 255
        if unit <= 0:
            continue
        below = 0
        for value in range(256):
            table[value] = _f(min((below + unit // 2) // unit, 255)) * _f(1.0 / 255.0)
            below += count[value]
        for i in range(c, flat.shape[0], 3):
            flat[i] = table[np.int64(np.rint(flat[i] * _f(255.0)))]


@jit
def _equalize_plane(plane, table, pixels, SPAN: tl.constexpr):
    values = tl.arange(0, LEVELS)
    count = tl.zeros((LEVELS,), tl.int32)
    brightest = 0
    for start in range(0, pixels, SPAN):
        at = start + tl.arange(0, SPAN)
        there = at < pixels
        found = level(tl.load(plane + at, there, 0.0)).to(tl.int32)
        missing = tl.maximum(start + SPAN - pixels, 0)  # counted as black
        count += tl.histogram(found, LEVELS) - tl.where(values == 0, missing, 0)
        brightest = tl.maximum(brightest, tl.max(found, 0))
    unit = (pixels - tl.sum(tl.where(values == brightest, count, 0), 0)) // 255
    below = tl.cumsum(count, 0) - count
    mapped = tl.minimum((below + unit // 2) // tl.maximum(unit, 1), 255)
    tl.store(table + values, mapped.to(tl.float32) / 255.0)
    tl.debug_barrier()
    if unit > 0:
        for start in range(0, pixels, SPAN):
            at = start + tl.arange(0, SPAN)
            there = at < pixels
            found = level(tl.load(plane + at, there, 0.0)).to(tl.int32)
            tl.store(plane + at, tl.load(table + found, there, 0.0), there)


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    for channel in range(0, 3):
        _equalize_plane(image + channel * pixels, levels, pixels, SPAN)
        tl.debug_barrier()


OPERATION = Operation(
    OperationInfo("equalize", "Equalise the histogram of each channel."),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
