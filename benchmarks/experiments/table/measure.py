"""From the frozen features of one run to the numbers of its row."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.datasets.labelled import Split
from benchmarks.experiments.correlation import views
from benchmarks.experiments.correlation.criteria import criteria, is_collapsed_run
from benchmarks.experiments.correlation.supervised import PARTS, accuracy_over_parts
from quarterturn.score.criteria import composite
from quarterturn.score.reference import reference_criteria

#: Column -> its name among the criteria of bench-correlation.
_CRITERIA = {
    "rotation": "rotation",
    "rotation_sampling_error": "rotation, sampling error",
    "rotation_cross_entropy": "rotation, cross-entropy",
    "rotation_half_turn": "rotation, half turn",
    "retrieval": "retrieval",
    "infonce": "infonce",
    "alignment": "alignment",
    "uniformity": "uniformity",
    "rankme": "rankme",
    "alpha_req": "alpha-req",
    "feature_std": "feature std",
    "loss": "loss",
}
#: LiDAR is measured on so many views of each image.
_LIDAR_VIEWS = 4


def measure_accuracy(snapshot: dict[str, Any], parts: Split) -> dict[str, float]:
    """Accuracy of the linear probe over all parts and on each; only here are labels read."""
    found = accuracy_over_parts(snapshot, parts)
    by_part = {f"accuracy_{part}": found[f"supervised/{part}"] for part in PARTS}
    return {"accuracy_by_labels": found["supervised"], **by_part}


def measure_criteria(snapshot: dict[str, Any], reference: torch.Tensor) -> dict[str, float]:
    """All criteria, none of which reads a label.

    Args:
        reference: (n, m) features of the reference encoder on the first n pretraining images.
    """
    found = criteria(snapshot)
    numbers = {column: found[name] for column, name in _CRITERIA.items()}
    features = snapshot["pretrain"]["features"][: len(reference)].float()
    against = reference_criteria(features, reference)
    return {
        **numbers,
        "composite": composite(numbers["rotation"], numbers["retrieval"]),
        "lidar": views.lidar(snapshot["views"]["projections"][:_LIDAR_VIEWS].float()),
        "collapsed": float(is_collapsed_run(snapshot)),
        **{f"reference_{name}": value for name, value in against.items()},
    }
