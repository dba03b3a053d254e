"""Compiling the kernels before they are needed."""

from __future__ import annotations

import torch

from quarterturn.augment.backends import numba_cpu
from quarterturn.augment.plan import sample_plan
from quarterturn.augment.random_streams import RandomStreams
from quarterturn.policy.schema import Operation, RandomResizedCrop, Stage


def compile_kernels() -> None:
    """Compile them for images of bytes, as pretraining does, unless they are on disk."""
    stages: list[Stage] = [RandomResizedCrop(op="random_resized_crop"), Operation(op="invert")]
    plan = sample_plan(stages, RandomStreams(0), 1, 8, 8)
    numba_cpu.execute(plan, torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
