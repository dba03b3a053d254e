"""Rotation probes other than the product's, which need the encoder and not just its features.

Each was tried to make rotation a better judge of policies on sets where it is a bad one.
"""

from __future__ import annotations

from typing import Any

import torch

from quarterturn.augment import RandomStreams, augment
from quarterturn.policy.recipes import BASELINES, crop_flip
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.methods import Method
from quarterturn.pretrain.spec import PretrainingSpec
from quarterturn.score.features import ROTATIONS, encode
from quarterturn.score.probe import rotation_probe

_TRAIN, _TEST = 1000, 750


def _views(images: torch.Tensor, policy: Policy, step: int, device: torch.device) -> torch.Tensor:
    return augment(images.to(device), policy.view(0), RandomStreams(0, step, device=device))


def _turned(method: Method, data: TrialData, views: torch.Tensor) -> torch.Tensor:
    return torch.stack([encode(method, data, views, turn=k)[0] for k in range(ROTATIONS)])


def other_probes(
    snapshot: dict[str, Any], data: TrialData, spec: PretrainingSpec, seed: int
) -> dict[str, float]:
    """Accuracies of the probe fitted and tested on augmented views, and on the features beside
    those of a second, untrained encoder, which leaves only what training added.
    """
    device = data.mean.device
    resolution = data.pretrain.shape[-1]
    method = trainer.start(spec, data, resolution, seed).method
    method.load_state_dict(snapshot["method"])
    plain = trainer.start(spec.model_copy(update={"encoder": "resnet_small"}), data, resolution, 11)
    found: dict[str, float] = {}
    parts = (data.probe_train[:_TRAIN], data.probe_test[:_TEST])
    for name, policy in (("crops", crop_flip()), ("moco_v2 views", BASELINES["moco_v2"]())):
        views = [_views(images, policy, step, device) for step, images in enumerate(parts)]
        train, test = (_turned(method, data, view) for view in views)
        found[f"rotation, {name}"] = rotation_probe(train, test).accuracy
    views = [images.to(device).float() / 255.0 for images in parts]
    train, test = (
        torch.cat((_turned(method, data, view), _turned(plain.method, data, view)), 2)
        for view in views
    )
    found["rotation, beside untrained"] = rotation_probe(train, test).accuracy
    return found
