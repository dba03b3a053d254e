"""Images as users of PIL transforms load them: one at a time, in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset[Any]):
    """Arrays in memory as PIL images; users also read and decode files, which is not counted."""

    def __init__(self, images: torch.Tensor, transform: Callable[[Image.Image], Any]) -> None:
        self.arrays = np.ascontiguousarray(images.permute(0, 2, 3, 1).cpu().numpy())
        self.transform = transform

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, index: int) -> Any:
        return self.transform(Image.fromarray(self.arrays[index]))


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def loader(
    images: torch.Tensor,
    transform: Callable[[Image.Image], Any],
    batch: int,
    workers: int,
    device: torch.device | None = None,
) -> DataLoader[Any]:
    """Shuffled batches of transformed images, whole ones only; in pinned memory for a GPU."""
    return DataLoader(
        Pictures(images, transform),
        batch_size=min(batch, len(images)),
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        persistent_workers=workers > 0,
        worker_init_fn=_one_thread,
        pin_memory=device is not None and device.type == "cuda",
    )


def endless(batches: DataLoader[Any]) -> Iterator[Any]:
    """Epoch after epoch."""
    while True:
        yield from batches
