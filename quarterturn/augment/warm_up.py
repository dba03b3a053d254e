"""Compiling the kernels before they are needed."""

from __future__ import annotations

import torch

from quarterturn.augment import compiled
from quarterturn.augment.drawing import draw_table
from quarterturn.augment.draws import Draws
from quarterturn.augment.numba_support import has_numba
from quarterturn.policy.schema import Operation, RandomResizedCrop, Stage


def compile_kernels() -> None:
    """Compile them for images of bytes, as pretraining does, unless they are on disk."""
    if has_numba():
        stages: list[Stage] = [RandomResizedCrop(op="random_resized_crop"), Operation(op="invert")]
        table = draw_table(stages, Draws(0), 1, 8, 8)
        compiled.execute(table, torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
