"""The trials of density matching: encoders of the folds, and batches of policies scored on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from quarterturn.policy.schema import Policy
from quarterturn.search.history import Candidate, Place, TrialRecord, TrialRequest
from quarterturn.search.incumbent import candidate_of
from quarterturn.search.objectives import Losses
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategy import DensityMatchingStrategy
from quarterturn.space.candidates import base_stages
from quarterturn.space.schema import SubPolicySpace

#: Stages that are applied before the base augmentation, as a document.
Prefix = list[dict[str, Any]]
Records = dict[Place, TrialRecord]

#: Forward passes per image: four turns of one view, and the other view.
_FORWARDS = 5
#: Forward passes that an image costs in training: two views, backward twice as dear as forward.
_TRAINING = 6


def base_candidate(spec: SearchSpec) -> Candidate:
    """The base augmentation of the search space alone; a baseline keeps its name."""
    assert isinstance(spec.search_space, SubPolicySpace)
    return candidate_of(
        Policy(name="base", views=[base_stages(spec.search_space.base)]), "base", spec
    )


def strategy_of(spec: SearchSpec) -> DensityMatchingStrategy:
    assert isinstance(spec.strategy, DensityMatchingStrategy)
    return spec.strategy


def cost(spec: SearchSpec, policies: int) -> int:
    """Forward passes of a density trial, in iterations of pretraining."""
    strategy = strategy_of(spec)
    forwards = policies * strategy.images * strategy.passes * _FORWARDS
    return max(1, math.ceil(forwards / (_TRAINING * spec.pretraining.batch_size)))


def fold_requests(spec: SearchSpec) -> list[TrialRequest]:
    """One encoder per fold, pretrained on the other folds with the base augmentation."""
    strategy, base = strategy_of(spec), base_candidate(spec)
    return [
        TrialRequest(
            base,
            spec.seed,
            spec.iterations,
            task=f"fold/{fold}",
            schedule=spec.iterations,
            payload=_payload(spec, fold),
        )
        for fold in range(strategy.folds)
    ]


def _payload(spec: SearchSpec, fold: int) -> dict[str, Any]:
    strategy = strategy_of(spec)
    return {
        "fold": fold,
        "folds": strategy.folds,
        "images": strategy.images,
        "passes": strategy.passes,
        "iterations": spec.iterations,
    }


def density_request(
    spec: SearchSpec,
    task: str,
    fold: int,
    prefixes: Sequence[Prefix],
    stream: str,
    parameters: list[dict[str, Any]] | None = None,
    *,
    against_base: bool = False,
) -> TrialRequest:
    """Score prefixes on a fold; equal streams share images, draws and turns.

    `against_base` pairs a view of the prefix with one of the base alone, in InfoNCE.
    """
    payload = {**_payload(spec, fold), "policies": list(prefixes), "stream": stream}
    if against_base:
        payload["against_base"] = True
    if parameters is not None:
        payload["parameters"] = parameters
    return TrialRequest(
        base_candidate(spec),
        spec.seed,
        cost(spec, len(prefixes)),
        task=f"density/{task}/{fold}",
        payload=payload,
    )


def losses_of(record: TrialRecord | None) -> list[Losses] | None:
    """The losses that a density trial measured, or None if it did not."""
    if record is None or record.state != "completed" or not record.result:
        return None
    losses: list[Losses] = record.result["losses"]
    return losses


def batches(prefixes: Sequence[Prefix], size: int) -> list[list[Prefix]]:
    """Cut into trials."""
    return [list(prefixes[at : at + size]) for at in range(0, len(prefixes), size)]
