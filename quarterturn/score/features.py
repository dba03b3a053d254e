"""Frozen features of images in the four rotations."""

from __future__ import annotations

import torch
from torch.nn import functional

from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import autocast
from quarterturn.pretrain.methods import Method

_BATCH = 512
ROTATIONS = 4


def _forward(method: Method, normal: torch.Tensor, turn: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n, d) and projections (n, p), float32, of normalised images turned by quarters."""
    turned = torch.rot90(normal, turn, (2, 3)) if turn else normal
    turned = turned.contiguous(memory_format=torch.channels_last)
    with autocast(normal.device):
        features = method.encoder(turned)
        projections = method.head(features)
    return features.float(), projections.float()


@torch.no_grad()
def encode(
    method: Method, data: TrialData, images: torch.Tensor, *, turn: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n, d) and L2-normalised projections (n, p) of float images in [0, 1], turned by
    quarters.
    """
    method.eval()
    batches = [
        _forward(method, batch, turn) for batch in torch.split(data.normalise(images), _BATCH)
    ]
    features, projections = (torch.cat(parts) for parts in zip(*batches, strict=True))
    return features, functional.normalize(projections, dim=1)


@torch.no_grad()
def rotation_features(
    method: Method, data: TrialData, images: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pooled features of each image turned by 0, 90, 180 and 270 degrees counter-clockwise.

    The quarter turns are exact on the normalised square tensor (SelfAugment, method notes 1.1).

    Args:
        images: uint8 (n, 3, s, s).

    Returns:
        float32 (4, n, d) features, and float32 (n, p) projections of the unrotated images.
    """
    device = data.mean.device
    method.eval()
    features: list[list[torch.Tensor]] = [[] for _ in range(ROTATIONS)]
    projections = []
    for start in range(0, max(1, len(images)), _BATCH):  # none gives empty results
        batch = images[start : start + _BATCH].to(device).float() / 255.0
        normal = data.normalise(batch)
        for turn in range(ROTATIONS):
            found, projected = _forward(method, normal, turn)
            features[turn].append(found)
            if turn == 0:
                projections.append(projected)
    return torch.stack([torch.cat(turn) for turn in features]), torch.cat(projections)


@torch.no_grad()
def image_features(method: Method, data: TrialData, images: torch.Tensor) -> torch.Tensor:
    """Pooled features (n, d), float32, of uint8 images (n, 3, s, s) as they are."""
    method.eval()
    batches = [
        _forward(method, data.normalise(batch.to(data.mean.device).float() / 255.0), 0)[0]
        for batch in torch.split(images, _BATCH)
    ]
    return torch.cat(batches)
