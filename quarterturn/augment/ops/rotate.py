"""Rotate about the center, counter-clockwise by degrees, as PIL does; y points down."""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.compile import exact_kernel
from quarterturn.augment.ops.operation import Operation
from quarterturn.policy.operations import OperationInfo

_DEGREE = np.float32(np.pi / 180.0)


@exact_kernel
def rotation(degrees, height, width, map):
    """The map of a turn about the center."""
    angle = degrees * _DEGREE
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = np.float32(width) / np.float32(2), np.float32(height) / np.float32(2)
    map[0], map[1], map[2] = cosine, -sine, x - cosine * x + sine * y
    map[3], map[4], map[5] = sine, cosine, y - sine * x - cosine * y


@exact_kernel
def affine(strength, draws, crop_draws, leaf, height, width, map):
    rotation(strength, height, width, map)


OPERATION = Operation(
    OperationInfo(
        "rotate",
        "Rotate about the centre.",
        unit="degrees",
        limit=180.0,
        search_limit=30.0,
        signed=True,
        geometric=True,
    ),
    affine=affine,
)
