"""What is drawn of the views of coming steps, by a thread while a GPU works on earlier ones.

To replay a recorded step of a small encoder takes less than to draw its policy. More threads than
one were slower on an H200: half of the drawing holds the interpreter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch

from quarterturn.augment import PackedPlan, RandomStreams, has_kernels, prepare_views
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.batches.coming import Coming
from quarterturn.pretrain.data import TrialData

#: Of a step, what is drawn of the views of all candidates; None where it is drawn when it is due.
Prepared = Callable[[int], PackedPlan | None]

#: Steps ahead of the one that a thread is at.
_TO_SPARE = 2


def _threads_for(device: torch.device) -> int:
    return int(device.type == "cuda" and has_kernels(device))


@contextlib.contextmanager
def preparing(
    data: TrialData, size: int, who: Sequence[tuple[Policy, int]], steps: range
) -> Iterator[Prepared]:
    """Of batches of `size` images; to be asked for all `steps` in their order.

    Args:
        who: policies and seeds of the candidates.
    """
    device = data.mean.device
    threads = _threads_for(device)
    if threads == 0:  # drawn when it is due
        yield lambda _: None
        return
    count, (height, width) = min(size, len(data.pretrain)), data.pretrain.shape[2:]

    def make(step: int) -> PackedPlan:
        draws = {seed: RandomStreams(seed, step, device=device) for _, seed in who}
        table = prepare_views([(policy, draws[seed]) for policy, seed in who], count, height, width)
        return table.pinned() if device.type == "cuda" else table

    coming = Coming(make, steps, threads + _TO_SPARE, name="views", threads=threads)
    try:
        yield coming.take
    finally:
        coming.close()
