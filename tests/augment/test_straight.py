"""Resampling without rotation or shear, which has a kernel of its own."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from quarterturn.augment import Draws, compiled, eager
from quarterturn.augment.finish import Normalisation
from quarterturn.augment.maps import identity
from quarterturn.augment.program import Step
from quarterturn.augment.table import table_of
from quarterturn.augment.tables import CODES
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


def _step(name: str, count: int, maps: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Step:
    zeros = np.zeros((count, 3), np.float32)
    fill = np.random.default_rng(0).random((count, 3), np.float32)
    op = np.full(count, CODES[name])
    return Step((name,), op, zeros[:, 0], maps, fill, zeros[:, :2], "")


@pytest.mark.parametrize("before", [(), ("invert",)], ids=["of bytes", "of what came before"])
@pytest.mark.parametrize("size", [(32, 32), (70, 150), (5, 7)])
def test_it_is_that_of_the_reference(size: tuple[int, int], before: tuple[str, ...]) -> None:
    pairs = list(product(AXES, AXES))
    height, width = size
    maps = np.array(
        [[[a, 0, c * width], [0, b, d * height]] for (a, c), (b, d) in pairs], np.float32
    )
    images, count = smooth(len(pairs), *size), len(pairs)
    steps = [_step(name, count, identity(count)) for name in before]
    steps.append(_step("resample", count, maps))
    reference = eager.execute(steps, images, Draws(0))
    torch.testing.assert_close(
        compiled.execute(table_of(steps, len(images), Draws(0)), images),
        reference,
        atol=2e-5,
        rtol=0,
    )
    by = Normalisation(torch.rand(1, 3, 1, 1), torch.rand(1, 3, 1, 1) + 0.5)
    torch.testing.assert_close(
        compiled.execute(table_of(steps, len(images), Draws(0)), images, by),
        by(reference),
        atol=1e-4,
        rtol=0,
    )
