"""The label-free criteria of a trained encoder, all recorded for every trial."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from core.augmentation import Draws, augment
from core.policies.recipes import crop_flip
from core.pretraining.data import TrialData
from core.pretraining.methods import Method
from core.scoring.contrast import alignment, retrieval, uniformity
from core.scoring.features import ROTATIONS, encode
from core.scoring.rank import rankme

#: Images whose two views are compared, and the temperature of their InfoNCE.
VIEWED_IMAGES = 500
_TEMPERATURE = 0.2


@dataclass(frozen=True)
class Criterion:
    """A number among the metrics of a trial, under its name; `sign` makes larger better."""

    sign: int
    summary: str


CRITERIA: dict[str, Criterion] = {
    "rotation": Criterion(1, "Accuracy of the rotation probe (SelfAugment)."),
    "infonce": Criterion(-1, "InfoNCE of two crop-and-flip views of held-out images."),
    "alignment": Criterion(-1, "Distance of those views (Wang & Isola 2020)."),
    "uniformity": Criterion(-1, "Their uniformity on the sphere (same paper)."),
    "retrieval": Criterion(1, "Images that find their other view by its features."),
    "composite": Criterion(1, "Rotation above chance times retrieval."),
    "rankme": Criterion(1, "Effective rank of the features (Garrido et al. 2023)."),
    "feature_std": Criterion(1, "Spread of the normalised features."),
}


def feature_std(features: torch.Tensor) -> float:
    """Mean standard deviation of L2-normalised (n, d) features, times sqrt(d): 0 to about 1."""
    normal = functional.normalize(features.float(), dim=1)
    return float(normal.std(0).mean() * normal.shape[1] ** 0.5)


def view_criteria(method: Method, data: TrialData, images: torch.Tensor) -> dict[str, float]:
    """InfoNCE, alignment, uniformity and retrieval of two views of the first images (3 or more).

    The views are those of crop and flip with the same draws for every candidate, not those of the
    candidate's own policy, whose difficulty would be measured otherwise.
    """
    device = data.mean.device
    images = images[:VIEWED_IMAGES].to(device)
    stages = crop_flip().view(0)
    views = [
        encode(method, data, augment(images, stages, Draws(0, 0, device=device), view=view))
        for view in range(2)
    ]
    (one, first), (other, second) = views
    # The second views of all other images are the negatives of each.
    itself = torch.arange(len(first), device=device)
    return {
        "infonce": float(functional.cross_entropy(first @ second.T / _TEMPERATURE, itself)),
        "alignment": alignment(first, second),
        "uniformity": uniformity(first),
        "retrieval": retrieval(one, other),
    }


def composite(rotation: float, retrieved: float) -> float:
    """Rotation accuracy above chance times retrieval, 0 to 0.75; needs no other candidate.

    Rotation asks for what tells apart the turns of an image, retrieval for what tells apart images.
    """
    return max(0.0, rotation - 1 / ROTATIONS) * retrieved


def feature_criteria(features: torch.Tensor) -> dict[str, float]:
    """RankMe and spread of (n, d) features of unaugmented images."""
    return {"rankme": rankme(features), "feature_std": feature_std(features)}
