"""The views of all members of a pack, each with the batch and the draws that it has alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from quarterturn.augment import PackedPlan, RandomStreams, two_views_of_all
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.data import TrialData


def views_of_all(
    data: TrialData,
    batches: dict[int, torch.Tensor],
    members: Sequence[tuple[Policy, int]],
    step: int,
    prepared: PackedPlan | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views (K, n, 3, s, s), normalised, of the batches of K policies and seeds at `step`."""
    drawn = {seed: RandomStreams(seed, step, device=data.mean.device) for seed in batches}
    return two_views_of_all(
        [(batches[seed], policy, drawn[seed]) for policy, seed in members],
        data.normalisation,
        prepared,
    )
