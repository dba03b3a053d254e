"""Resampling by the kernel of CPUs against the reference, beyond what policies ask for."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from quarterturn.augment import PackedPlan, layout
from quarterturn.augment.backends import numba_cpu, torch_ref
from quarterturn.augment.normalization import Normalization
from quarterturn.augment.ops.registry import CODES
from tests.augment.images import smooth

#: A pixel of the result reads a * x + c of the source; c is in sides of the image.
AXES = [
    (1.0, 0.0),
    (0.31, 0.51),
    (0.9, 0.05),
    (-1.0, 1.0),
    (-0.4, 0.71),
    (1.0, 0.303),
    (1.0, -0.303),
    (1.7, -0.2),
    (-3.01, 2.0),
    (1.0, 1.5),
    (0.0, 0.4),
]


def _plan(size: tuple[int, int], before: tuple[str, ...]) -> PackedPlan:
    """Each image is resampled by another map, after the operations `before`."""
    height, width = size
    maps = [[a, 0, c * width, 0, b, d * height] for (a, c), (b, d) in product(AXES, AXES)]
    maps += [[a, 0.3, c * width, -0.2, b, d * height] for (a, c), (b, d) in product(AXES, AXES)]
    rows = np.zeros((len(maps), len(before) + 1, layout.ROW), np.float32)
    for place, name in enumerate((*before, "resample")):
        rows[:, place, layout.OP] = CODES[name]
    rows[:, -1, layout.MAP : layout.MAP + 6] = maps
    fill = np.random.default_rng(0).random((len(maps), 3), np.float32)
    rows[:, -1, layout.FILL : layout.FILL + 3] = fill
    return PackedPlan(rows, (), frozenset(before))


@pytest.mark.parametrize("before", [(), ("invert",)], ids=["of bytes", "of what came before"])
@pytest.mark.parametrize("size", [(32, 32), (70, 150), (5, 7), (1, 1)])
def test_it_is_that_of_the_reference(size: tuple[int, int], before: tuple[str, ...]) -> None:
    plan = _plan(size, before)
    images = smooth(len(plan.rows), *size)
    ours, reference = numba_cpu.execute(plan, images), torch_ref.execute(plan, images)
    # A pixel at the edge of the frame may fall to the other side of it.
    assert float(((ours - reference).abs() > 2e-5).float().mean()) < 2e-4
    by = Normalization(torch.rand(1, 3, 1, 1), torch.rand(1, 3, 1, 1) + 0.5)
    normalized = numba_cpu.execute(plan, images, by)
    torch.testing.assert_close(normalized, by(ours), atol=1e-4, rtol=0)
