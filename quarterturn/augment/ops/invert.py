"""Invert: the negative of an image."""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import jit, tl
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    return 1.0 - images


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat = image.reshape(-1)
    for i in range(flat.shape[0]):
        flat[i] = np.float32(1.0) - flat[i]


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        triton_pixels.put(image, pixels, at, there, 1.0 - red, 1.0 - green, 1.0 - blue)


OPERATION = Operation(
    OperationInfo("invert", "Invert the values."), PixelKernel(torch_ref, numba_cpu, triton_gpu)
)
