"""Rotate by 90, 180 or 270 degrees, drawn uniformly."""

from __future__ import annotations

import numpy as np

from quarterturn.augment import layout
from quarterturn.augment.kernels.compile import exact_kernel
from quarterturn.augment.ops.operation import Operation
from quarterturn.augment.ops.rotate import rotation
from quarterturn.policy.operations import OperationInfo

_f = np.float32


@exact_kernel
def affine(strength, draws, crop_draws, leaf, height, width, map):
    quarters = _f(1) + np.floor(draws[layout.DRAW_STRENGTH] * _f(3))
    rotation(_f(90) * quarters, height, width, map)


OPERATION = Operation(
    OperationInfo("rotate90", "Turn by 90, 180 or 270 degrees, drawn uniformly.", geometric=True),
    affine=affine,
)
