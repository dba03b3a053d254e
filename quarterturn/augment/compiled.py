"""Executes a program on a CPU by compiled kernels, several images at a time in threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from quarterturn.augment.finish import Normalisation
from quarterturn.augment.table import Table, noise_of
from quarterturn.augment.tables import CODES

#: Fewer images than this are not worth a thread.
_SHARE = 16


@cache
def _kernel_codes() -> NDArray[np.int16]:
    """From the codes of programs to those of the kernels."""
    from quarterturn.augment.kernels import KERNEL_CODES

    return np.array([KERNEL_CODES.get(name, 0) for name in CODES], np.int16)


@lru_cache(maxsize=2)
def _threads(count: int, process: int) -> ThreadPoolExecutor:  # noqa: ARG001
    """Of the process with this id: threads do not survive a fork."""
    return ThreadPoolExecutor(count, thread_name_prefix="augment")


def execute(
    table: Table,
    images: torch.Tensor,
    normalisation: Normalisation | None = None,
    *,
    times: int = 1,
) -> torch.Tensor:
    """What `quarterturn.augment.eager.execute` makes of the steps, but for the last digits; with a
    normalisation the result is normalised, and channels last in memory. All images may be taken
    several times, one after the other.
    """
    from quarterturn.augment.kernels import run

    shape = torch.Size((times * len(images), *images.shape[1:]))
    count, _, height, width = shape
    is_bytes = images.dtype == torch.uint8
    source = (images if is_bytes else images.float()).permute(0, 2, 3, 1).contiguous()
    gain: NDArray[np.float32] = np.ones(3, np.float32)
    shift: NDArray[np.float32] = np.zeros(3, np.float32)
    if normalisation is not None:
        gain = (1 / normalisation.std).flatten().numpy()
        shift = -normalisation.mean.flatten().numpy() * gain
    out = torch.empty(count, 3 * height * width)
    noise = noise_of(table, shape[1:], images.device)
    if noise is None:
        noise = torch.empty(1, count, 3, 0, 0)
    arguments = (
        source.numpy(),
        np.float32(255 if is_bytes else 1),
        out.numpy(),
        normalisation is not None,
        gain,
        shift,
        _kernel_codes(),
        table.rows,
        noise.numpy(),
    )
    workers = min(torch.get_num_threads(), max(1, count // _SHARE))
    if workers == 1:
        run(*arguments, 0, count)
    else:
        edges = [count * i // workers for i in range(workers + 1)]
        pool = _threads(workers, os.getpid())
        list(pool.map(lambda start, stop: run(*arguments, start, stop), edges, edges[1:]))
    if normalisation is None:
        return out.view(shape)
    return out.view(count, height, width, 3).permute(0, 3, 1, 2)
