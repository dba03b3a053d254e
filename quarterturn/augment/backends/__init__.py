"""What runs augmentation plans: `torch_ref` anywhere, `numba_cpu` and `triton_gpu` much faster.

All take the same plan and agree but for rounding; see docs/engine.md.
"""

from __future__ import annotations

from typing import Protocol

import torch

from quarterturn.augment.backends import numba_cpu, torch_ref, triton_gpu
from quarterturn.augment.normalization import Normalization
from quarterturn.augment.packed_plan import PackedPlan


class Execute(Protocol):
    """See `quarterturn.augment.backends.torch_ref.execute`."""

    def __call__(
        self,
        plan: PackedPlan,
        images: torch.Tensor,
        normalization: Normalization | None = None,
        *,
        times: int = 1,
    ) -> torch.Tensor: ...


def has_kernels(device: torch.device) -> bool:
    """Whether compiled kernels run there. On a GPU that takes seconds, once in a process."""
    return device.type == "cpu" or triton_gpu.is_available(device)


def choose_backend(device: torch.device, plan: PackedPlan) -> Execute:
    """The fastest that can run the plan there."""
    if device.type == "cpu" and numba_cpu.supports(plan):
        return numba_cpu.execute
    if triton_gpu.is_available(device) and triton_gpu.supports(plan):
        return triton_gpu.execute
    return torch_ref.execute
