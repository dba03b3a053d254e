"""Shift along y."""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.compile import exact_kernel
from quarterturn.augment.ops.operation import Operation
from quarterturn.policy.operations import OperationInfo


@exact_kernel
def affine(strength, draws, crop_draws, leaf, height, width, map):
    map[5] = strength * np.float32(height)


OPERATION = Operation(
    OperationInfo(
        "translate_y",
        "Shift along y.",
        unit="fraction of the height",
        limit=1.0,
        search_limit=0.45,
        signed=True,
        geometric=True,
    ),
    affine=affine,
)
