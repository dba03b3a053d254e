"""Frozen features of images in the four rotations."""

from __future__ import annotations

import torch

from core.pretraining.data import TrialData
from core.pretraining.hardware import autocast
from core.pretraining.methods import Method

_BATCH = 512
ROTATIONS = 4


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
        with autocast(device):
            for turn in range(ROTATIONS):
                turned = torch.rot90(normal, turn, (2, 3))
                turned = turned.contiguous(memory_format=torch.channels_last)
                output = method.encoder(turned)
                features[turn].append(output.float())
                if turn == 0:
                    projections.append(method.head(output).float())
    return torch.stack([torch.cat(turn) for turn in features]), torch.cat(projections)
