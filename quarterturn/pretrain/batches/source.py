"""The batches of consecutive steps, taken from where the images lie."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

import torch

from quarterturn.augment import RandomStreams
from quarterturn.pretrain.batches.ahead import Ahead
from quarterturn.pretrain.batches.drawing import batch_of
from quarterturn.pretrain.batches.transfer import transfer_to
from quarterturn.pretrain.data import TrialData

#: Of a step, the batch of each seed: uint8 (n, 3, s, s) on the device.
Batches = Callable[[int], dict[int, torch.Tensor]]


@contextlib.contextmanager
def batches_of(data: TrialData, size: int, seeds: Iterable[int], steps: range) -> Iterator[Batches]:
    """Those of `steps`, one after the other, the same wherever the images lie.

    Candidates of one seed see the same images.
    """
    different = list(dict.fromkeys(seeds))
    device = data.mean.device

    def taken(step: int) -> dict[int, torch.Tensor]:
        return {
            seed: batch_of(data.pretrain, size, RandomStreams(seed, step, device=device))
            for seed in different
        }

    if data.is_resident:
        yield taken
        return
    with Ahead(data.pretrain, size, different, steps, transfer_to(device)) as ahead:
        yield ahead.take
