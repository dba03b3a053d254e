"""Contrast: a blend with the mean grey of the image."""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.kernels import torch_pixels, triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import STRENGTH, jit, tl
from quarterturn.augment.kernels.pixels import blend_number, luma
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    mean = torch_pixels.luma(images).mean((1, 2, 3), keepdim=True)
    return torch_pixels.blend(mean, images, step.strength)


@kernel
def _mean_luma(flat):
    total, pixels = np.float32(0.0), flat.shape[0] // 3
    for i in range(pixels):
        total += luma(flat[3 * i], flat[3 * i + 1], flat[3 * i + 2])
    return total / np.float32(pixels)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat = image.reshape(-1)
    blend_number(flat, _mean_luma(flat), row[layout.STRENGTH])


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    factor = 1.0 + tl.load(row + STRENGTH)
    mean = 0.0
    for start in range(0, pixels, SPAN):
        _, _, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        mean += tl.sum(triton_pixels.luma(red, green, blue), 0)
    mean = mean / pixels
    tl.debug_barrier()
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        red = triton_pixels.clamp(mean + factor * (red - mean))
        green = triton_pixels.clamp(mean + factor * (green - mean))
        blue = triton_pixels.clamp(mean + factor * (blue - mean))
        triton_pixels.put(image, pixels, at, there, red, green, blue)


OPERATION = Operation(
    OperationInfo(
        "contrast",
        "Blend with the mean grey of the image.",
        unit="distance of the enhancement factor from 1",
        limit=1.0,
        search_limit=0.9,
        signed=True,
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
