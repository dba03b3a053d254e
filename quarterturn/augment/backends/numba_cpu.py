"""Runs plans on a CPU by compiled kernels, several images at a time in threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from quarterturn.augment.normalization import Normalization
from quarterturn.augment.packed_plan import PackedPlan, sample_noise

#: Fewer images than this are not worth a thread.
_MIN_PER_THREAD = 16


def supports(plan: PackedPlan) -> bool:
    """Whether all steps of the plan are compiled."""
    from quarterturn.augment.backends.numba_kernel import STEPS  # not before it is needed

    return plan.operations <= STEPS.keys()


@lru_cache(maxsize=2)
def _threads(count: int, process: int) -> ThreadPoolExecutor:  # noqa: ARG001
    """Of the process with this id: threads do not survive a fork."""
    return ThreadPoolExecutor(count, thread_name_prefix="augment")


def execute(
    plan: PackedPlan,
    images: torch.Tensor,
    normalization: Normalization | None = None,
    *,
    times: int = 1,
) -> torch.Tensor:
    """As `quarterturn.augment.backends.torch_ref.execute`, but for the last digits."""
    from quarterturn.augment.backends.numba_kernel import run

    shape = torch.Size((times * len(images), *images.shape[1:]))
    count, _, height, width = shape
    is_bytes = images.dtype == torch.uint8
    source = (images if is_bytes else images.float()).permute(0, 2, 3, 1).contiguous()
    gain: NDArray[np.float32] = np.ones(3, np.float32)
    shift: NDArray[np.float32] = np.zeros(3, np.float32)
    if normalization is not None:
        gain = (1 / normalization.std).flatten().numpy()
        shift = -normalization.mean.flatten().numpy() * gain
    out = torch.empty(count, 3 * height * width)
    noise = sample_noise(plan, shape[1:], images.device)
    if noise is None:
        noise = torch.empty(1, count, 3, 0, 0)
    arguments = (
        source.numpy(),
        np.float32(255 if is_bytes else 1),
        out.numpy(),
        normalization is not None,
        gain,
        shift,
        plan.rows,
        noise.numpy(),
    )
    workers = min(torch.get_num_threads(), max(1, count // _MIN_PER_THREAD))
    if workers == 1:
        run(*arguments, 0, count)
    else:
        edges = [count * i // workers for i in range(workers + 1)]
        pool = _threads(workers, os.getpid())
        list(pool.map(lambda start, stop: run(*arguments, start, stop), edges, edges[1:]))
    if normalization is None:
        return out.view(shape)
    return out.view(count, height, width, 3).permute(0, 3, 1, 2)
