"""Runs plans in plain torch, on any device: the reference, and what runs where no kernels can.

Images with the same operation in a step are processed together. The device is never asked for
anything, so that its work queues up without waiting.
"""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.normalization import Normalization
from quarterturn.augment.ops.operation import StepArguments
from quarterturn.augment.ops.registry import CODES, pixel_kernels
from quarterturn.augment.packed_plan import PackedPlan, sample_noise
from quarterturn.augment.transfer import send


def execute(
    plan: PackedPlan,
    images: torch.Tensor,
    normalization: Normalization | None = None,
    *,
    times: int = 1,
) -> torch.Tensor:
    """The images after all steps of a plan.

    Args:
        plan: of n images.
        images: (n / times, 3, h, w), uint8 or float in [0, 1]; not changed. All are taken `times`
            times, one after the other.
        normalization: applied in the end, if given.

    Returns:
        float32 (n, 3, h, w) in [0, 1]; with a normalization normalized, and channels last.
    """
    now = images.float() / 255.0 if images.dtype == torch.uint8 else images.float().clone()
    now = now.repeat(times, 1, 1, 1)
    noise = sample_noise(plan, images.shape[1:], images.device)
    kernels = {CODES[name]: step for name, step in pixel_kernels().items()}
    codes = plan.rows[:, :, layout.OP].astype(np.int64)
    for step in range(codes.shape[1]):
        for code in np.unique(codes[:, step]):
            if code == 0:
                continue
            index = np.flatnonzero(codes[:, step] == code)
            there = send(index, now.device)
            arguments = StepArguments(plan.rows[index, step], now.device, noise, index)
            done = kernels[int(code)].torch_ref(now.index_select(0, there), arguments)
            now.index_copy_(0, there, done.contiguous())
    now = now.clamp_(0.0, 1.0)  # sums of weights are 1 only up to rounding
    return now if normalization is None else normalization(now)
