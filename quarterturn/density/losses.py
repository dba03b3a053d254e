"""Losses of a policy on held-out images under a frozen model (docs/searches.md, "Losses")."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from quarterturn.augment import RandomStreams, augment
from quarterturn.density.model import FoldModel
from quarterturn.policy.schema import Stage
from quarterturn.pretrain.contrast import infonce
from quarterturn.pretrain.data import TrialData
from quarterturn.score.features import ROTATIONS, encode
from quarterturn.score.probe import Head


def policy_losses(
    model: FoldModel,
    data: TrialData,
    images: torch.Tensor,
    stages: Sequence[Stage],
    *,
    seed: int,
    passes: int,
    second: Sequence[Stage] | None = None,
    labels: torch.Tensor | None = None,
    label_head: Head | None = None,
) -> dict[str, float]:
    """Mean losses over independent augmented passes, in nats.

    Args:
        images: uint8 (n, 3, s, s) that the model has not seen.
        stages: of the policy, the base augmentation included.
        second: stages of the second view, where they are not the same.
        seed: of the draws; equal seeds give candidates common random numbers.
        labels, label_head: for the oracle of benchmarks only; nothing in a search has labels.

    Returns:
        `rotation`: cross-entropy of the head over the four turns of a view. `infonce`: of two
        views, against the model's negatives. `supervised`, with labels.
    """
    device = data.mean.device
    images = images.to(device)
    sums: dict[str, float] = {"rotation": 0.0, "infonce": 0.0}
    for number in range(passes):
        draws = RandomStreams(seed, number, device=device)
        first = augment(images, stages, draws, view=0)
        other = augment(images, stages if second is None else second, draws, view=1)
        features, queries = encode(model.method, data, first)
        _, keys = encode(model.method, data, other)
        loss = infonce(queries, keys, model.negatives, model.temperature)
        sums["infonce"] += float(loss.mean())
        for turn in range(ROTATIONS):
            turned = features if turn == 0 else encode(model.method, data, first, turn=turn)[0]
            target = torch.full((len(images),), turn, device=device)
            sums["rotation"] += (
                float(functional.cross_entropy(model.head.logits(turned), target)) / ROTATIONS
            )
        if labels is not None and label_head is not None:
            supervised = functional.cross_entropy(label_head.logits(features), labels)
            sums["supervised"] = sums.get("supervised", 0.0) + float(supervised)
    return {name: value / passes for name, value in sums.items()}
