"""Saturation: a blend with the grey image."""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.kernels import torch_pixels, triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import STRENGTH, jit, tl
from quarterturn.augment.kernels.pixels import clamp, luma
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    return torch_pixels.blend(torch_pixels.luma(images), images, step.strength)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat, factor = image.reshape(-1), np.float32(1.0) + row[layout.STRENGTH]
    for i in range(flat.shape[0] // 3):
        red, green, blue = flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]
        grey = luma(red, green, blue)
        flat[3 * i] = clamp(grey + factor * (red - grey))
        flat[3 * i + 1] = clamp(grey + factor * (green - grey))
        flat[3 * i + 2] = clamp(grey + factor * (blue - grey))


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    factor = 1.0 + tl.load(row + STRENGTH)
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        grey = triton_pixels.luma(red, green, blue)
        red = triton_pixels.clamp(grey + factor * (red - grey))
        green = triton_pixels.clamp(grey + factor * (green - grey))
        blue = triton_pixels.clamp(grey + factor * (blue - grey))
        triton_pixels.put(image, pixels, at, there, red, green, blue)


OPERATION = Operation(
    OperationInfo(
        "saturation",
        "Blend with the grey image (SelfAugment's Color).",
        unit="distance of the enhancement factor from 1",
        limit=1.0,
        search_limit=0.9,
        signed=True,
        needs_color=True,
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
