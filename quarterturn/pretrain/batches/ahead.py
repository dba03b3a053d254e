"""Batches of the coming steps, gathered by a thread while the device trains on earlier ones.

Which images a step needs is known from its seed and number alone, so they can be fetched before.
There are as many buffers as steps ahead; one is filled again when its copy has been read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch

from quarterturn.augment import RandomStreams
from quarterturn.pretrain.batches.coming import Coming
from quarterturn.pretrain.batches.drawing import drawn
from quarterturn.pretrain.batches.transfer import Copy, Transfer

#: One on the way to the device, one being gathered, one to spare for a slow page of the disk.
DEPTH = 3


class Ahead:
    """The batches of `steps`, in their order, for each of some seeds; to be closed.

    Args:
        images: uint8 (n, 3, s, s) on the host, channels last in memory.
        size: of a batch.
    """

    def __init__(
        self,
        images: torch.Tensor,
        size: int,
        seeds: Sequence[int],
        steps: range,
        transfer: Transfer,
    ) -> None:
        self._rows = images.permute(0, 2, 3, 1)
        self._size, self._seeds, self._transfer = size, seeds, transfer
        shape = (len(seeds), min(size, len(images)), *self._rows.shape[1:])
        self._buffers = [transfer.buffer(*shape) for _ in range(min(DEPTH, len(steps)))]
        self._copies: list[Copy | None] = [None] * len(self._buffers)
        self._coming = Coming(self._fetch, steps, len(self._buffers), name="batches")

    def _fetch(self, step: int) -> tuple[torch.Tensor, Copy]:
        """In the thread: (seeds, n, s, s, 3) on the device, or on the way there."""
        place = step % len(self._buffers)
        buffer, before = self._buffers[place], self._copies[place]
        if before is not None:
            before.until_read()
        with self._transfer.beside():
            for batch, seed in zip(buffer, self._seeds, strict=True):
                draws = RandomStreams(seed, step, device=self._transfer.device)
                # Drawn on the device, as for images that lie there; it is this thread that waits.
                places = drawn(len(self._rows), self._size, draws).cpu()
                torch.index_select(self._rows, 0, places, out=batch)
        images, copy = self._transfer.send(buffer)
        self._copies[place] = copy
        return images, copy

    def take(self, step: int) -> dict[int, torch.Tensor]:
        """By seed the batch of the next step, uint8 (n, 3, s, s) on the device, channels last.

        Raises:
            ValueError: another one is next.
            Whatever the thread could not do, such as torch.OutOfMemoryError.
        """
        images, copy = self._coming.take(step)
        copy.hand_over(images)
        return dict(zip(self._seeds, images.permute(0, 1, 4, 2, 3), strict=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread. What it has begun to copy is kept by torch until it has been read."""
        self._coming.close()
