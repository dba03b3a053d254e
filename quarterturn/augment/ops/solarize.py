"""Solarize: invert the values of at least 256 * (1 - strength), on the scale 0..255."""

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
    threshold = per_image(256.0 * (1.0 - step.strength))
    return torch.where(images * 255.0 >= threshold, 1.0 - images, images)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat = image.reshape(-1)
    threshold = _f(256.0) * (_f(1.0) - row[layout.STRENGTH])
    for i in range(flat.shape[0]):
        value = flat[i]
        flat[i] = _f(1.0) - value if value * _f(255.0) >= threshold else value


@jit
def _solarized(value, threshold):
    return tl.where(value * 255.0 >= threshold, 1.0 - value, value)


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    threshold = 256.0 * (1.0 - tl.load(row + STRENGTH))
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        red, green = _solarized(red, threshold), _solarized(green, threshold)
        triton_pixels.put(image, pixels, at, there, red, green, _solarized(blue, threshold))


OPERATION = Operation(
    OperationInfo(
        "solarize",
        "Invert the brightest values.",
        unit="fraction of the value range that is inverted",
        limit=1.0,
        search_limit=1.0,
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
