"""The images of a trial as tensors on the device."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from quarterturn.augment.normalization import Normalization
from quarterturn.data.cache import SPLIT_ENDS, DatasetCache
from quarterturn.pretrain.graphs.recording import CudaGraphs
from quarterturn.pretrain.hardware import free_memory
from quarterturn.pretrain.residence import resident

#: Images that are uploaded at once: what they take on the host beside the mapped file.
_UPLOAD_BYTES = 2**28


class Reference(Protocol):
    """Features of a reference encoder on some images; see `quarterturn.score.reference`."""

    @property
    def images(self) -> int:
        """How many, from the first on."""

    def score(self, features: torch.Tensor) -> dict[str, float]:
        """The criteria of a candidate's (n, d) features of these images, by their names."""

    def sampling_error(self, criterion: str, features: torch.Tensor) -> float:
        """Standard error of one of them from the choice of the images."""


@dataclass(frozen=True)
class TrialData:
    """uint8 images (n, 3, s, s) of the splits, channels last in memory; mean, std (1, 3, 1, 1).

    `mean` is on the device; images that do not fit there are on the host. `cuda_graphs` says
    whether that device replays captured steps; `reference` and `reference_report` compare with a
    reference encoder, where there is one, on the first of `pretrain` and of `report`.
    """

    pretrain: torch.Tensor
    probe_train: torch.Tensor
    probe_test: torch.Tensor
    report: torch.Tensor
    mean: torch.Tensor
    std: torch.Tensor
    cuda_graphs: CudaGraphs = "auto"
    reference: Reference | None = None
    reference_report: Reference | None = None

    @property
    def is_resident(self) -> bool:
        """Whether the images to pretrain on lie where they are needed."""
        return self.pretrain.device == self.mean.device

    @property
    def normalisation(self) -> Normalization:
        """By mean and std."""
        return Normalization(self.mean, self.std)

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """Float images in [0, 1] as the encoder takes them, channels last."""
        return self.normalisation(images)


def _mapped(part: NDArray[np.uint8]) -> torch.Tensor:
    with warnings.catch_warnings():
        # torch warns of read-only memory; nothing here writes to it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(part)


def _uploaded(part: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    images = torch.empty(part.shape, dtype=torch.uint8, device=device)
    at_once = max(1, _UPLOAD_BYTES // max(1, part[:1].nbytes))
    for here, there in zip(
        torch.split(_mapped(part), at_once), torch.split(images, at_once), strict=True
    ):
        there.copy_(here)
    return images


def load_trial_data(
    cache: DatasetCache,
    device: torch.device,
    *,
    whole: bool = False,
    cuda_graphs: CudaGraphs = "auto",
    reference: Reference | None = None,
    reference_report: Reference | None = None,
) -> TrialData:
    """The splits of a cache. On a CPU they stay memory-mapped and shared, as do those that do not
    fit on another device. With `whole` all images are there to pretrain on, those of the other
    splits too.
    """
    parts = {name: cache.split(name) for name in SPLIT_ENDS}
    if whole:
        parts["pretrain"] = cache.images
    sizes = {name: part.nbytes for name, part in parts.items()}
    kept = resident(sizes, free_memory(device)) if device.type != "cpu" else set()

    def images(name: str) -> torch.Tensor:
        part = parts[name]
        rows = _uploaded(part, device) if name in kept else _mapped(part)
        return rows.permute(0, 3, 1, 2)

    def channel(values: list[float]) -> torch.Tensor:
        return torch.tensor(values, device=device).view(1, 3, 1, 1)

    return TrialData(
        pretrain=images("pretrain"),
        probe_train=images("probe_train"),
        probe_test=images("probe_test"),
        report=images("report"),
        mean=channel(cache.info.mean),
        std=channel(cache.info.std),
        cuda_graphs=cuda_graphs,
        reference=reference,
        reference_report=reference_report,
    )
