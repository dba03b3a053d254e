"""Cutout: a square of side strength * width is covered.

As in SelfAugment a square that would pass the left or top border is moved inside, one that passes
the right or bottom border is cut.
"""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import FILL, STRENGTH, UNIFORM, jit, tl
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo

_f = np.float32


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    height, width = images.shape[-2:]
    side = step.strength * width
    left = (step.uniform[:, 0] * width - side / 2).clamp_min(0.0).view(-1, 1, 1)
    top = (step.uniform[:, 1] * height - side / 2).clamp_min(0.0).view(-1, 1, 1)
    side = side.view(-1, 1, 1)
    x = torch.arange(width, device=images.device).view(1, 1, -1) + 0.5
    y = torch.arange(height, device=images.device).view(1, -1, 1) + 0.5
    inside = (x >= left) & (x < left + side) & (y >= top) & (y < top + side)
    return torch.where(inside.unsqueeze(1), step.fill.view(-1, 3, 1, 1), images)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    height, width, _ = image.shape
    side = row[layout.STRENGTH] * _f(width)
    left = max(row[layout.UNIFORM] * _f(width) - side * _f(0.5), _f(0.0))
    top = max(row[layout.UNIFORM + 1] * _f(height) - side * _f(0.5), _f(0.0))
    for y in range(height):
        if top <= _f(y) + _f(0.5) < top + side:
            for x in range(width):
                if left <= _f(x) + _f(0.5) < left + side:
                    for c in range(3):
                        image[y, x, c] = row[layout.FILL + c]


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    side = tl.load(row + STRENGTH) * width
    left = tl.maximum(tl.load(row + UNIFORM) * width - side / 2.0, 0.0)
    top = tl.maximum(tl.load(row + UNIFORM + 1) * height - side / 2.0, 0.0)
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        x, y = (at % width) + 0.5, (at // width) + 0.5
        inside = (x >= left) & (x < left + side) & (y >= top) & (y < top + side)
        red = tl.where(inside, tl.load(row + FILL), red)
        green = tl.where(inside, tl.load(row + FILL + 1), green)
        blue = tl.where(inside, tl.load(row + FILL + 2), blue)
        triton_pixels.put(image, pixels, at, there, red, green, blue)


OPERATION = Operation(
    OperationInfo(
        "cutout",
        "Cover a square centred anywhere in the image.",
        unit="side as a fraction of the width",
        limit=1.0,
        search_limit=0.2,
        # SelfAugment covers cutouts with this grey (arXiv 2009.07724, its public code).
        fill=(125, 123, 114),
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
