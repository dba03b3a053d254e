"""Mirror top and bottom.

By itself it moves no pixel to a fraction of one, and is then not resampled.
"""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import exact_kernel, kernel
from quarterturn.augment.kernels.language import jit, tl
from quarterturn.augment.kernels.pixels import copy
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo


@exact_kernel
def affine(strength, draws, crop_draws, leaf, height, width, map):
    map[4], map[5] = np.float32(-1), np.float32(height)


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    return images.flip(2)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    height = image.shape[0]
    for y in range(height):
        copy(image[height - 1 - y].reshape(-1), spare[y].reshape(-1))


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    triton_pixels.mirror(image, spare, False, height, width, SPAN)


OPERATION = Operation(
    OperationInfo("vertical_flip", "Mirror top and bottom.", geometric=True),
    PixelKernel(torch_ref, numba_cpu, triton_gpu, fills_spare=True),
    affine=affine,
    covers=True,
)
