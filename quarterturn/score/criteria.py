"""The label-free criteria of a trained encoder, all recorded for every trial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from quarterturn.augment import RandomStreams, augment
from quarterturn.policy.recipes import crop_flip
from quarterturn.pretrain.contrast import alignment, retrieval, uniformity
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.methods import Method
from quarterturn.score.catalogue import CRITERIA as CRITERIA
from quarterturn.score.features import ROTATIONS, encode
from quarterturn.score.jackknife import jackknife_error
from quarterturn.score.rank import rankme

#: Images whose two views are compared, and the temperature of their InfoNCE.
VIEWED_IMAGES = 500
_TEMPERATURE = 0.2
#: Measured on the unaugmented images; all others but rotation on views.
_OF_FEATURES = ("rankme", "feature_std")


def feature_std(features: torch.Tensor) -> float:
    """Mean standard deviation of L2-normalised (n, d) features, times sqrt(d): 0 to about 1."""
    normal = functional.normalize(features.float(), dim=1)
    return float(normal.std(0).mean() * normal.shape[1] ** 0.5)


@dataclass(frozen=True)
class Views:
    """Two views of the same n images: features (n, d) and L2-normalised projections (n, p) each."""

    features: tuple[torch.Tensor, torch.Tensor]
    projections: tuple[torch.Tensor, torch.Tensor]

    def of(self, index: torch.Tensor) -> Views:
        """The views of the images of `index`."""
        (one, other), (first, second) = self.features, self.projections
        index = index.to(one.device)
        return Views((one[index], other[index]), (first[index], second[index]))


def crop_flip_views(method: Method, data: TrialData, images: torch.Tensor) -> Views:
    """Two views of the first images, the same for every candidate.

    They are those of crop and flip and not those of the candidate's own policy, whose difficulty
    would be measured otherwise.
    """
    device = data.mean.device
    images = images[:VIEWED_IMAGES].to(device)
    stages = crop_flip().view(0)
    (one, first), (other, second) = (
        encode(method, data, augment(images, stages, RandomStreams(0, 0, device=device), view=view))
        for view in range(2)
    )
    return Views((one, other), (first, second))


def view_criteria(views: Views) -> dict[str, float]:
    """InfoNCE, alignment, uniformity and retrieval of two views of 3 images or more."""
    (one, other), (first, second) = views.features, views.projections
    # The second views of all other images are the negatives of each.
    itself = torch.arange(len(first), device=first.device)
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


def sampling_error(
    criterion: str,
    metrics: Mapping[str, float],
    rotation: float,
    views: Views,
    features: torch.Tensor,
) -> float:
    """Standard error of a criterion from the choice of the images it is measured on.

    Args:
        metrics: of the same images; rotation: the sampling error of its probe.
        views, features: of these images, from which all but rotation are measured.
    """
    if criterion == "rotation":
        return rotation
    if criterion in _OF_FEATURES:
        return jackknife_error(
            lambda index: feature_criteria(features[index.to(features.device)])[criterion],
            len(features),
        )
    name = "retrieval" if criterion == "composite" else criterion
    error = jackknife_error(
        lambda index: view_criteria(views.of(index))[name], len(views.features[0])
    )
    if criterion != "composite":
        return error
    # Of a product, to first order.
    above = max(0.0, metrics["rotation"] - 1 / ROTATIONS)
    return math.hypot(rotation * metrics["retrieval"], above * error)
