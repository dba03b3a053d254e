"""Where an export differs from the policy: by operation, and by how operations follow others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from quarterturn.export.formats import Difference, Options, different_views
from quarterturn.export.support import SUPPORT
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import (
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)

_FLIPS = ("horizontal_flip", "vertical_flip")
#: Libraries whose files map samples by the intensity range themselves.
WITH_RANGE = ("torchvision", "lightly", "kornia")
_RESAMPLED = Difference(
    "view",
    "Operations that move pixels are resampled one after the other. Quarterturn composes those "
    "that follow one another and resamples once, which is sharper and keeps content that one "
    "moves out of the frame and the next moves back.",
)


def leaves(stages: Iterable[Stage]) -> Iterator[Operation | RandomResizedCrop]:
    """Every operation and crop that can be applied at all, groups unfolded."""
    for stage in stages:
        if stage.probability == 0.0:
            continue
        if isinstance(stage, OneOf):
            for branch in stage.branches:
                yield from leaves(branch.stages)
        elif isinstance(stage, Sample | Shuffle):
            yield from leaves(stage.of)
        else:
            yield stage


def _moves(stage: Stage) -> bool:
    crop = isinstance(stage, RandomResizedCrop)
    return crop or (
        isinstance(stage, Operation)
        and stage.probability > 0
        and OPERATIONS[stage.op].geometric
        and stage.op not in _FLIPS
    )


def _most_moves(stages: Sequence[Stage]) -> int:
    """How many operations that resample can be applied to one picture."""
    most = 0
    for stage in stages:
        if isinstance(stage, OneOf):
            most += max(_most_moves(branch.stages) for branch in stage.branches)
        elif isinstance(stage, Sample):
            moving = sum(map(_moves, stage.of))
            most += min(stage.count, stage.count if stage.replace and moving else moving)
        elif isinstance(stage, Shuffle):
            most += sum(map(_moves, stage.of))
        else:
            most += _moves(stage)
    return most


def _of_operations(views: Sequence[Sequence[Stage]], library: str) -> Iterator[Difference]:
    used = {leaf.op for view in views for leaf in leaves(view)}
    for name, support in SUPPORT[library].items():
        if name in used and support.note:
            yield Difference(name, support.note)


def _of_pictures(policy: Policy, library: str) -> Iterator[Difference]:
    """What must be done to images before, as `load_policy` does by itself."""
    intensity = policy.input.intensity if policy.input else None
    if intensity is not None:
        ends = f"{intensity.low:g} is black, {intensity.high:g} is white."
        if library in WITH_RANGE:
            message = (
                f"Samples as stored are mapped to 8 bits here: {ends} Floats are taken as done."
            )
        else:
            message = f"Samples are to be mapped to 8 bits before: {ends}"
        yield Difference("view", message)
    if policy.input is not None and policy.input.bands:
        bands = ", ".join(map(str, policy.input.bands))
        yield Difference("view", f"Bands {bands} of each file are to be taken before.")


def differences(
    policy: Policy, library: str, options: Options, *, one_view: bool = False
) -> tuple[Difference, ...]:
    """All differences of an export to `library`; `one_view` for formats that hold a single view."""
    views = [policy.view(options.view)] if one_view else policy.views
    found = list(_of_operations(views, library))
    if any(_most_moves(view) > 1 for view in views):
        found.append(_RESAMPLED)
    found.extend(_of_pictures(policy, library))
    if one_view and different_views(policy):
        number, other = options.view, 1 - options.view
        found.append(
            Difference("view", f"This is view {number} of two; export view {other} as well.")
        )
    return tuple(found)
