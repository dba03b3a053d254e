"""Shear along x about the top-left corner."""

from __future__ import annotations

from quarterturn.augment.kernels.compile import exact_kernel
from quarterturn.augment.ops.operation import Operation
from quarterturn.policy.operations import OperationInfo


@exact_kernel
def affine(strength, draws, crop_draws, leaf, height, width, map):
    map[1] = strength


OPERATION = Operation(
    OperationInfo(
        "shear_x",
        "Shear along x about the top-left corner.",
        unit="shift in pixels per pixel of distance from the top-left corner",
        limit=1.0,
        search_limit=0.3,
        signed=True,
        geometric=True,
    ),
    affine=affine,
)
