"""Posterize: clear the lowest bits of the 8-bit values. No bit cleared: not even rounded."""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import STRENGTH, jit, tl
from quarterturn.augment.kernels.torch_pixels import per_image
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo

_f = np.float32


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    unit = per_image(torch.exp2(torch.floor(step.strength)))
    coarse = torch.floor((images * 255.0).round() / unit) * unit / 255.0
    return torch.where(unit > 1.0, coarse, images)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat = image.reshape(-1)
    unit = _f(2.0) ** np.floor(row[layout.STRENGTH])
    if unit <= _f(1.0):
        return
    inverse = _f(1.0) / unit
    for i in range(flat.shape[0]):
        flat[i] = np.floor(np.rint(flat[i] * _f(255.0)) * inverse) * unit * _f(1.0 / 255.0)


@jit
def _posterized(value, unit):
    coarse = tl.floor(triton_pixels.level(value) / unit) * unit / 255.0
    return tl.where(unit > 1.0, coarse, value)


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    unit = tl.exp2(tl.floor(tl.load(row + STRENGTH)))
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        red, green, blue = _posterized(red, unit), _posterized(green, unit), _posterized(blue, unit)
        triton_pixels.put(image, pixels, at, there, red, green, blue)


OPERATION = Operation(
    OperationInfo(
        "posterize",
        "Drop the lowest bits of each value.",
        unit="bits removed of 8",
        limit=7.0,
        search_limit=4.0,
        integer=True,
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
