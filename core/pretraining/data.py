"""The images of a trial as tensors on the device."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch

from core.augmentation.finish import Normalisation
from core.datasets.cache import DatasetCache

#: Up to this size the pretraining images are kept on the accelerator.
_RESIDENT_BYTES = 8 * 2**30


@dataclass(frozen=True)
class TrialData:
    """uint8 images (n, 3, s, s) of the splits, channels last in memory; mean, std (1, 3, 1, 1)."""

    pretrain: torch.Tensor
    probe_train: torch.Tensor
    probe_test: torch.Tensor
    report: torch.Tensor
    mean: torch.Tensor
    std: torch.Tensor

    @property
    def normalisation(self) -> Normalisation:
        """By mean and std."""
        return Normalisation(self.mean, self.std)

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """Float images in [0, 1] as the encoder takes them, channels last."""
        return self.normalisation(images)


def load_trial_data(cache: DatasetCache, device: torch.device, *, whole: bool = False) -> TrialData:
    """The splits of a cache; on a CPU they stay memory-mapped and shared. With `whole` all images
    are there to pretrain on, those of the other splits too.
    """

    def images(split: str, keep: bool) -> torch.Tensor:
        part = cache.images if split == "pretrain" and whole else cache.split(split)
        if device.type == "cpu" or not keep:
            with warnings.catch_warnings():
                # torch warns of read-only memory; nothing here writes to it.
                warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
                return torch.from_numpy(part).permute(0, 3, 1, 2)
        return torch.from_numpy(np.array(part)).to(device).permute(0, 3, 1, 2)

    def channel(values: list[float]) -> torch.Tensor:
        return torch.tensor(values, device=device).view(1, 3, 1, 1)

    pretrain = cache.images if whole else cache.split("pretrain")
    resident = pretrain.nbytes <= _RESIDENT_BYTES
    return TrialData(
        pretrain=images("pretrain", resident),
        probe_train=images("probe_train", True),
        probe_test=images("probe_test", True),
        report=images("report", True),
        mean=channel(cache.info.mean),
        std=channel(cache.info.std),
    )
