"""Oddities of a policy: parts without effect, and what is unusual for contrastive pretraining."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import OneOf, Operation, Policy, RandomResizedCrop, Sample, Stage
from quarterturn.policy.shares import shares_of
from quarterturn.policy.warnings import operations_of, policy_warnings

#: A crop that may be smaller than this part of the area often misses the object.
SMALL_CROP = 0.05
_COLOURS = ("hue", "saturation")

_Finding = tuple[str, str, str]


def _views(policy: Policy) -> Iterator[_Finding]:
    if not any(shares_of(policy)):
        yield "identity", "view", "The policy does nothing: both views are the image itself."
    if len(policy.views) == 2 and policy.views[0] == policy.views[1]:
        yield "same_views", "view", "Both views are written out and the same; one would do."
    names = {stage.op for view in policy.views for stage in view}
    if "random_resized_crop" not in names and any(shares_of(policy)):
        yield (
            "no_crop",
            "random_resized_crop",
            "There is no crop, which in most published work matters more than all else.",
        )


def _stages(stages: Sequence[Stage]) -> Iterator[_Finding]:
    grey = False
    for stage in stages:
        # In a sample, an operation without effect stands for the identity.
        if stage.probability == 0.0:
            yield "never_applied", stage.op, f"{stage.op} has probability 0; remove it."
        elif isinstance(stage, Operation) and OPERATIONS[stage.op].has_strength and not stage.high:
            yield "no_effect", stage.op, f"{stage.op} has strength 0; remove it."
        if grey and isinstance(stage, Operation) and stage.op in _COLOURS:
            yield "colour_after_grey", stage.op, f"{stage.op} follows grayscale and does nothing."
        if isinstance(stage, Operation) and stage.op == "grayscale" and stage.probability == 1.0:
            grey = True
        if isinstance(stage, OneOf):
            yield from _branches(stage)
        if isinstance(stage, Sample) and len(stage.of) == 1:
            yield "sample_of_one", "sample", "A sample of one operation always draws that one."


def _branches(stage: OneOf) -> Iterator[_Finding]:
    distinct = {branch.model_dump_json(exclude={"weight"}) for branch in stage.branches}
    repeated = len(stage.branches) - len(distinct)
    if repeated:
        yield (
            "repeated_branch",
            "one_of",
            f"{repeated} of {len(stage.branches)} sub-policies repeat another; raise its weight.",
        )
    for branch in stage.branches:
        yield from _stages(branch.stages)


def _strengths(policy: Policy) -> Iterator[_Finding]:
    strongest: dict[str, float] = {}
    for view in policy.views:
        for operation in operations_of(view):
            strongest[operation.op] = max(strongest.get(operation.op, 0.0), operation.high)
        for stage in view:
            if isinstance(stage, RandomResizedCrop) and stage.scale[0] < SMALL_CROP:
                yield (
                    "small_crop",
                    stage.op,
                    f"Crops go down to {100 * stage.scale[0]:.3g} % of the area, where two "
                    "views may show nothing in common.",
                )
    for name, high in strongest.items():
        info = OPERATIONS[name]
        if info.has_strength and high > info.search_limit:
            yield (
                "beyond_search",
                name,
                f"{name} goes to {high:g} ({info.unit}), beyond the {info.search_limit:g} that "
                "searches try.",
            )


def lint(policy: Policy) -> list[dict[str, Any]]:
    """Warnings, each `{"code", "operation", "message"}`; those of `policy_warnings` first."""
    findings = [*_views(policy), *_strengths(policy)]
    for view in policy.views:
        findings += _stages(view)
    listed = [
        {"code": code, "operation": operation, "message": message}
        for code, operation, message in dict.fromkeys(findings)
    ]
    return [*policy_warnings(policy), *listed]
