"""The objectives of density matching (SelfAugment, arXiv 2009.07724), of losses already measured.

R is the cross-entropy of the fold's rotation head, I the InfoNCE loss of its encoder; S, the
supervised cross-entropy, exists in benchmarks only, for no label is on the search path.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

Objective = Literal["min_rotation", "min_infonce", "max_infonce", "minimax", "minimax_weighted"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

Losses = Mapping[str, float]


def weights_of(base: Iterable[Losses]) -> dict[str, float]:
    """1 / mean loss over the folds, from the losses of the base augmentation alone.

    Raises:
        ValueError: no fold, or a loss that is not positive.
    """
    folds = list(base)
    means = {
        name: math.fsum(fold[name] for fold in folds) / max(1, len(folds))
        for name in ("rotation", "infonce")
    }
    if any(not mean > 0 for mean in means.values()):
        raise ValueError("the losses of the base augmentation must be positive")
    return {name: 1.0 / mean for name, mean in means.items()}


def value(objective: str, losses: Losses, weights: Mapping[str, float]) -> float:
    """What is minimised; `supervised` is the oracle of the benchmarks."""
    if objective == "supervised":
        return losses["supervised"]
    rotation, infonce = losses["rotation"], losses["infonce"]
    if objective == "min_rotation":
        return rotation
    if objective == "min_infonce":
        return infonce
    if objective == "max_infonce":
        return -infonce
    if objective == "minimax":
        return rotation - infonce
    assert objective == "minimax_weighted", objective
    return weights["rotation"] * rotation - weights["infonce"] * infonce
