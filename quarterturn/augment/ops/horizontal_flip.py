"""Mirror left and right.

By itself it moves no pixel to a fraction of one, and is then not resampled.
"""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import exact_kernel, kernel
from quarterturn.augment.kernels.language import jit, tl
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo


@exact_kernel
def affine(strength, draws, crop_draws, leaf, height, width, map):
    map[0], map[2] = np.float32(-1), np.float32(width)


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    return images.flip(3)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    height, width, _ = image.shape
    for y in range(height):
        line, out = image[y].reshape(-1), spare[y].reshape(-1)
        for x in range(width):
            other = np.uint64(3 * (width - 1 - x))
            out[3 * x] = line[other]
            out[3 * x + 1] = line[other + np.uint64(1)]
            out[3 * x + 2] = line[other + np.uint64(2)]


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    triton_pixels.mirror(image, spare, True, height, width, SPAN)


OPERATION = Operation(
    OperationInfo("horizontal_flip", "Mirror left and right.", geometric=True),
    PixelKernel(torch_ref, numba_cpu, triton_gpu, fills_spare=True),
    affine=affine,
    covers=True,
)
