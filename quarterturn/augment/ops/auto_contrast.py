"""Auto contrast: each channel of each image is stretched to [0, 1]; constant channels stay."""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import jit, tl
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo

_f = np.float32


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    low = images.amin((2, 3), keepdim=True)
    span = images.amax((2, 3), keepdim=True) - low
    return torch.where(span > 0, (images - low) / span.clamp_min(1e-8), images)


@kernel
def _stretch(low, high):
    """What is subtracted and what is multiplied by: of a constant channel nothing and one."""
    if high > low:
        return low, _f(1.0) / max(high - low, _f(1e-8))
    return _f(0.0), _f(1.0)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat = image.reshape(-1)
    low_r, low_g, low_b = flat[0], flat[1], flat[2]
    high_r, high_g, high_b = flat[0], flat[1], flat[2]
    for i in range(flat.shape[0] // 3):
        red, green, blue = flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]
        low_r, high_r = min(low_r, red), max(high_r, red)
        low_g, high_g = min(low_g, green), max(high_g, green)
        low_b, high_b = min(low_b, blue), max(high_b, blue)
    low_r, by_r = _stretch(low_r, high_r)
    low_g, by_g = _stretch(low_g, high_g)
    low_b, by_b = _stretch(low_b, high_b)
    for i in range(flat.shape[0] // 3):
        flat[3 * i] = (flat[3 * i] - low_r) * by_r
        flat[3 * i + 1] = (flat[3 * i + 1] - low_g) * by_g
        flat[3 * i + 2] = (flat[3 * i + 2] - low_b) * by_b


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    for channel in range(0, 3):
        plane = image + channel * pixels
        low, high = 2.0, -1.0
        for start in range(0, pixels, SPAN):
            at = start + tl.arange(0, SPAN)
            there = at < pixels
            low = tl.minimum(low, tl.min(tl.load(plane + at, there, 2.0), 0))
            high = tl.maximum(high, tl.max(tl.load(plane + at, there, -1.0), 0))
        tl.debug_barrier()
        span = high - low
        for start in range(0, pixels, SPAN):
            at = start + tl.arange(0, SPAN)
            there = at < pixels
            value = tl.load(plane + at, there, 0.0)
            stretched = tl.where(span > 0.0, (value - low) / tl.maximum(span, 1e-8), value)
            tl.store(plane + at, stretched, there)


OPERATION = Operation(
    OperationInfo("auto_contrast", "Stretch each channel to the full range."),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
