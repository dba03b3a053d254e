"""Policies at other sizes than the one searched at: where squares are cut, what grows with them."""

from __future__ import annotations

from collections.abc import Sequence

from quarterturn.policy.schema import OneOf, Operation, RandomResizedCrop, Sample, Shuffle, Stage


def crop_place(stages: Sequence[Stage]) -> int | None:
    """Where the first crop stands that is a stage of its own and always applied."""
    for place, stage in enumerate(stages):
        if isinstance(stage, RandomResizedCrop) and stage.probability == 1.0:
            return place
    return None


def _scaled_leaf(
    leaf: Operation | RandomResizedCrop, factor: float
) -> Operation | RandomResizedCrop:
    if isinstance(leaf, RandomResizedCrop) or leaf.op != "gaussian_blur":
        return leaf
    return leaf.model_copy(update={"strength": (leaf.low * factor, leaf.high * factor)})


def rescaled(stages: Sequence[Stage], factor: float) -> list[Stage]:
    """The stages with what is in pixels, the blur, for pictures `factor` times as large.

    Nothing is validated again: of large pictures a blur may pass the limit of documents.
    """
    found: list[Stage] = []
    for stage in stages:
        if isinstance(stage, OneOf):
            branches = [
                branch.model_copy(
                    update={"stages": [_scaled_leaf(leaf, factor) for leaf in branch.stages]}
                )
                for branch in stage.branches
            ]
            found.append(stage.model_copy(update={"branches": branches}))
        elif isinstance(stage, Sample | Shuffle):
            of = [_scaled_leaf(leaf, factor) for leaf in stage.of]
            found.append(stage.model_copy(update={"of": of}))
        else:
            found.append(_scaled_leaf(stage, factor))
    return found
