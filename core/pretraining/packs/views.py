"""The views of all members of a pack, each with the batch and the draws that it has alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.augmentation import Draws, two_views_of_all
from core.policies.schema import Policy
from core.pretraining import trainer
from core.pretraining.data import TrialData
from core.pretraining.spec import PretrainingSpec


def views_of_all(
    data: TrialData, spec: PretrainingSpec, members: Sequence[tuple[Policy, int]], step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views (K, n, 3, s, s), normalised, of the batches of K policies and seeds at `step`."""
    drawn = {seed: Draws(seed, step, device=data.mean.device) for _, seed in members}
    # Candidates of one seed see the same images.
    batches = {
        seed: trainer.batch_of(data.pretrain, spec.batch_size, draws)
        for seed, draws in drawn.items()
    }
    return two_views_of_all(
        [(batches[seed], policy, drawn[seed]) for policy, seed in members], data.normalisation
    )
