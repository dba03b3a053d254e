"""From the frozen features of one run to label-free criteria, signed so that larger is better as
far as their authors claim; of the training loss, a higher one, as
it is the harder policies that have it.
"""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.experiments.correlation import views
from quarterturn.pretrain.collapse import is_collapsed, spread
from quarterturn.score.criteria import feature_std
from quarterturn.score.probe import fit_head, rotation_probe
from quarterturn.score.rank import rankme

Layers = dict[str, torch.Tensor]
#: The score of the product, and what did best beside it.
ROTATION, RETRIEVAL = "rotation", "retrieval"
#: Its standard error from the choice of images.
ROTATION_ERROR = "rotation, sampling error"


def _layers(part: Layers) -> Layers:
    found = {name: tensor.float() for name, tensor in part.items()}
    names = ("stage1", "stage2", "features")
    return {**found, "stages": torch.cat([found[name] for name in names], 2)}


def joint_rotation(train: torch.Tensor, test: torch.Tensor) -> float:
    """Minus the cross-entropy of which image of four is upright, when all four are seen.

    The log-probabilities of the usual probe are summed for each of the four cyclic hypotheses.
    """
    turns, images, dimension = train.shape
    targets = torch.arange(turns).repeat_interleave(images)
    head = fit_head(train.reshape(-1, dimension), targets, turns, 1e-3)
    logs = head.logits(test.reshape(-1, dimension)).log_softmax(1).view(turns, -1, turns)
    totals = torch.stack(
        [
            torch.stack([logs[t, :, (t + shift) % turns] for t in range(turns)]).sum(0)
            for shift in range(turns)
        ],
        1,
    )
    return float(totals.log_softmax(1)[:, 0].mean())


def _rotations(train: Layers, test: Layers) -> dict[str, float]:
    train, test = _layers(train), _layers(test)
    probe = rotation_probe(train["features"], test["features"])
    found = {
        ROTATION: probe.accuracy,
        ROTATION_ERROR: probe.sampling_error,
        "rotation, cross-entropy": -probe.cross_entropy,
    }
    for layer in ("stage2", "stages", "projections"):
        found[f"rotation, {layer}"] = rotation_probe(train[layer], test[layer]).accuracy
    few = rotation_probe(train["features"][:, :500], test["features"])
    half = rotation_probe(train["features"][::2], test["features"][::2])
    return {
        **found,
        "rotation, l2 0.01": rotation_probe(train["features"], test["features"], 1e-2).accuracy,
        "rotation, 500 images": few.accuracy,
        "rotation, half turn": half.accuracy,
        "rotation, joint": joint_rotation(train["features"], test["features"]),
    }


def _views(layers: Layers) -> dict[str, float]:
    features, projections = layers["features"].float(), layers["projections"].float()
    product = views.contrast(features, projections, 1)
    many = views.contrast(features, projections)
    own = views.contrast(features, features)
    white = views.whitened(features, 0.01)
    flat = views.contrast(white, white)
    early = views.whitened(layers["stage2"].float(), 0.1)
    return {
        RETRIEVAL: product["retrieval"],
        "infonce": -product["infonce"],
        "alignment": -product["alignment"],
        "uniformity": -product["uniformity"],
        "retrieval, 8 views": many["retrieval"],
        "infonce, 8 views": -many["infonce"],
        "retrieval, projections": views.contrast(projections, projections)["retrieval"],
        "retrieval, whitened": flat["retrieval"],
        "retrieval, stage2": views.contrast(early, early)["retrieval"],
        "infonce, features": -own["infonce"],
        "infonce, whitened": -flat["infonce"],
        "alignment, features": -own["alignment"],
        "uniformity, features": -own["uniformity"],
        "lidar": views.lidar(projections),
        "lidar, features": views.lidar(features),
    }


def alpha_req(features: torch.Tensor) -> float:
    """Minus the exponent of the power law of the eigenvalues of the covariance (Agrawal 2022)."""
    centred = features - features.mean(0)
    values = torch.linalg.eigvalsh((centred.T @ centred / len(centred)).double()).flip(0)
    logs = values[2:50].clamp_min(1e-12).log()
    places = torch.arange(3, 3 + len(logs), dtype=torch.double).log()
    places = places - places.mean()
    return float((places * logs).sum() / places.square().sum())


def criteria(snapshot: dict[str, Any]) -> dict[str, float]:
    """All criteria of a measured run that its features serve for."""
    images = {name: tensor[0].float() for name, tensor in snapshot["probe_test"].items()}
    return {
        **_rotations(snapshot["probe_train"], snapshot["probe_test"]),
        **_views(snapshot["views"]),
        "rankme": rankme(images["features"]),
        "rankme, projections": rankme(images["projections"]),
        "alpha-req": alpha_req(images["features"]),
        "feature std": feature_std(images["features"]),
        "loss": sum(snapshot["losses"][-10:]) / len(snapshot["losses"][-10:]),
    }


def is_collapsed_run(snapshot: dict[str, Any]) -> bool:
    """By the product's own rule."""
    outputs = spread(snapshot["probe_test"]["projections"][0])
    return is_collapsed(snapshot["losses"], snapshot["ceiling"], outputs)
