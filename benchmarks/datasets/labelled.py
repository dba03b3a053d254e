"""Labelled image sets, split by group for evaluation. Labels never reach the search."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from quarterturn.data.decode import DecodeLimits, decode
from quarterturn.pretrain.data import TrialData

#: Shares of the groups; `evaluation` serves the supervised probe alone.
SHARES = {"pretrain": 0.55, "probe_train": 0.15, "probe_test": 0.12, "evaluation": 0.18}
_LIMITS = DecodeLimits(max_pixels=50_000_000, min_side=1, max_bytes=50_000_000)


@dataclass(frozen=True)
class Labelled:
    """uint8 images (n, s, s, 3), whole-number labels (n,), and groups that must not be parted."""

    images: np.ndarray
    labels: np.ndarray
    groups: list[str]


@dataclass(frozen=True)
class Split:
    """The parts of a set; `labels` by the name of the part."""

    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    def trial_data(self, device: torch.device) -> TrialData:
        """What pretraining and the rotation probe see: images alone."""
        pixels = self.images["pretrain"].reshape(-1, 3).astype(np.float64) / 255.0
        mean = torch.tensor(pixels.mean(0), dtype=torch.float32, device=device)
        std = torch.tensor(pixels.std(0), dtype=torch.float32, device=device)
        return TrialData(
            pretrain=self.tensor("pretrain", device),
            probe_train=self.tensor("probe_train", device),
            probe_test=self.tensor("probe_test", device),
            report=self.tensor("evaluation", device)[:0],
            mean=mean.view(1, 3, 1, 1),
            std=std.view(1, 3, 1, 1),
        )

    def tensor(self, part: str, device: torch.device) -> torch.Tensor:
        """uint8 (n, 3, s, s), channels last in memory."""
        return torch.from_numpy(self.images[part]).to(device).permute(0, 3, 1, 2)


def picture(data: bytes, resolution: int) -> np.ndarray:
    """An image file as the service itself would decode it."""
    return decode(data, resolution, _LIMITS).pixels


def png(array: np.ndarray) -> bytes:
    """An array as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def _share_of(group: str) -> float:
    return int.from_bytes(hashlib.blake2b(group.encode(), digest_size=8).digest()) / 2.0**64


def split(data: Labelled, most: int | None = None) -> Split:
    """Split by a hash of the group; `most` limits the pretraining images.

    Exact duplicates are dropped first, so that none lies in two parts.
    """
    _, distinct = np.unique(data.images.reshape(len(data.images), -1), axis=0, return_index=True)
    order = np.random.default_rng(0).permutation(np.sort(distinct))
    edges = np.cumsum(list(SHARES.values()))
    part_of = np.array([int(np.searchsorted(edges, _share_of(data.groups[i]))) for i in order])
    images, labels = {}, {}
    for number, part in enumerate(SHARES):
        chosen = order[part_of == min(number, len(SHARES) - 1)]
        if part == "pretrain" and most is not None:
            chosen = chosen[:most]
        images[part], labels[part] = data.images[chosen], data.labels[chosen]
    return Split(images, labels)


def from_folder(folder: Path, resolution: int) -> Labelled:
    """A folder of class folders of images."""
    files = sorted(p for p in folder.glob("*/**/*") if p.is_file())
    names = sorted({p.relative_to(folder).parts[0] for p in files})
    pixels = np.stack([picture(p.read_bytes(), resolution) for p in files])
    labels = np.array([names.index(p.relative_to(folder).parts[0]) for p in files])
    return Labelled(pixels, labels, [str(p) for p in files])


Loader = Callable[[Path], Labelled]
