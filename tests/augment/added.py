"""Two operations that the library does not have, as a user would write them."""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.kernels.compile import exact_kernel, kernel
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo


def _torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    shift = (step.uniform[:, :1] * 3).floor().long()
    place = (torch.arange(3, device=images.device) + shift) % 3
    return images.gather(1, place[:, :, None, None].expand_as(images))


@kernel
def _numba_cpu(image, spare, row, noise, scratch):
    shift = np.int64(np.floor(row[layout.UNIFORM] * np.float32(3)))
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for c in range(3):
                spare[y, x, c] = image[y, x, (c + shift) % 3]


#: Without a kernel for GPUs: those run plain torch.
CHANNEL_SHIFT = Operation(
    OperationInfo("channel_shift", "Take each channel from the next, or the one after that."),
    PixelKernel(_torch_ref, _numba_cpu, fills_spare=True),
)


@exact_kernel
def _affine(strength, draws, crop_draws, leaf, height, width, map):
    scale = np.float32(1) - strength
    map[0], map[2] = scale, np.float32(width) * strength / np.float32(2)
    map[4], map[5] = scale, np.float32(height) * strength / np.float32(2)


ZOOM = Operation(
    OperationInfo(
        "zoom",
        "Enlarge about the center.",
        unit="part of the side that is cut away",
        limit=0.9,
        search_limit=0.5,
        geometric=True,
    ),
    affine=_affine,
    covers=True,
)
