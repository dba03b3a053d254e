"""The label-free criteria by name; without torch, for those who only read about them."""

from __future__ import annotations

from dataclasses import dataclass


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
    "reference": Criterion(1, "How much of a reference encoder's main components a ridge finds."),
    "reference_r2": Criterion(1, "The same of all its features."),
    "reference_knn": Criterion(1, "Share of nearest neighbors that are the reference's too."),
    "rankme": Criterion(1, "Effective rank of the features (Garrido et al. 2023)."),
    "feature_std": Criterion(1, "Spread of the normalised features."),
}
