"""Grayscale: the luma of each pixel in all channels."""

from __future__ import annotations

import torch

from quarterturn.augment.kernels import torch_pixels, triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import jit, tl
from quarterturn.augment.kernels.pixels import luma
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    return torch_pixels.luma(images).expand(-1, 3, -1, -1)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat = image.reshape(-1)
    for i in range(flat.shape[0] // 3):
        grey = luma(flat[3 * i], flat[3 * i + 1], flat[3 * i + 2])
        flat[3 * i], flat[3 * i + 1], flat[3 * i + 2] = grey, grey, grey


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        grey = triton_pixels.luma(red, green, blue)
        triton_pixels.put(image, pixels, at, there, grey, grey, grey)


OPERATION = Operation(
    OperationInfo("grayscale", "Replace the colours by their luma.", needs_color=True),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
