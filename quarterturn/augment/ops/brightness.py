"""Brightness: a blend with black."""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import STRENGTH, jit, tl
from quarterturn.augment.kernels.pixels import blend_number
from quarterturn.augment.kernels.torch_pixels import blend
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    return blend(0.0, images, step.strength)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    blend_number(image.reshape(-1), np.float32(0.0), row[layout.STRENGTH])


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    factor = 1.0 + tl.load(row + STRENGTH)
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        red = triton_pixels.clamp(factor * red)
        green, blue = triton_pixels.clamp(factor * green), triton_pixels.clamp(factor * blue)
        triton_pixels.put(image, pixels, at, there, red, green, blue)


OPERATION = Operation(
    OperationInfo(
        "brightness",
        "Blend with black.",
        unit="distance of the enhancement factor from 1",
        limit=1.0,
        search_limit=0.9,
        signed=True,
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
