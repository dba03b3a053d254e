"""Where an export differs from the policy: by operation, and by how operations follow others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quarterturn.export.formats import Difference, Options, different_views
from quarterturn.export.support import SUPPORT
from quarterturn.policy.leaves import leaves
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
from quarterturn.policy.searched import searched_side
from quarterturn.policy.sizes import crop_place

_FLIPS = ("horizontal_flip", "vertical_flip")
#: Libraries whose files map samples by the intensity range themselves; and those that map PIL
#: images of more than 8 bits only.
WITH_RANGE = ("torchvision", "lightly", "kornia", "huggingface", "stable-pretraining")
WITH_PICTURES = ("albumentations", "timm")
#: Those whose blur grows with the pictures by itself.
_GROWING = ("torchvision", "lightly", "kornia", "huggingface", "stable-pretraining")
#: Operations on single pixels and their neighbors, which look finer on larger pictures.
_FINE = ("sharpness", "gaussian_noise")
_RESAMPLED = Difference(
    "view",
    "Operations that move pixels are resampled one after the other. Quarterturn composes those "
    "that follow one another and resamples once, which is sharper and keeps content that one "
    "moves out of the frame and the next moves back.",
)


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
            if library in WITH_PICTURES and intensity.of == "deep":
                message += " PIL images of more than 8 bits are mapped so, here."
        yield Difference("view", message)
    if policy.input is not None and policy.input.bands:
        bands = ", ".join(map(str, policy.input.bands))
        yield Difference("view", f"Bands {bands} of each file are to be taken before.")


def _of_size(
    policy: Policy, views: Sequence[Sequence[Stage]], library: str, size: int | None
) -> Iterator[Difference]:
    """What is in pixels, at another size than the one searched at."""
    side = searched_side(policy)
    used = {leaf.op for view in views for leaf in leaves(view)}
    if size is not None and any(_inner_crop(view) for view in views):
        yield Difference(
            "random_resized_crop",
            "A crop that is not always applied cuts from the square, not from the original.",
        )
    if side is None or size == side:
        return
    for name in _FINE:
        if name in used:
            yield Difference(name, f"It works on single pixels, and was searched at {side} pixels.")
    if "gaussian_blur" not in used or library in _GROWING:
        return
    if library == "timm":
        message = f"It is 0.1 to 2 pixels at any size, and was searched at {side} pixels."
    elif size is None:
        message = f"Its pixels are those of pictures of {side} pixels: export with the size."
    elif any(_blurs_first(view) for view in views):
        message = f"Before the crop its pixels are those of pictures of {side} pixels."
    else:
        return
    yield Difference("gaussian_blur", message)


def _inner_crop(stages: Sequence[Stage]) -> bool:
    """Whether there are crops, and none that is a stage of its own and always applied."""
    crops = any(leaf.op == "random_resized_crop" for leaf in leaves(stages))
    return crops and crop_place(stages) is None


def _blurs_first(stages: Sequence[Stage]) -> bool:
    return any(leaf.op == "gaussian_blur" for leaf in leaves(stages[: crop_place(stages) or 0]))


def differences(
    policy: Policy, library: str, options: Options, *, one_view: bool = False
) -> tuple[Difference, ...]:
    """All differences of an export to `library`; `one_view` for formats that hold a single view."""
    views = [policy.view(options.view)] if one_view else policy.views
    found = list(_of_operations(views, library))
    if any(_most_moves(view) > 1 for view in views):
        found.append(_RESAMPLED)
    found.extend(_of_pictures(policy, library))
    found.extend(_of_size(policy, views, library, options.size))
    if one_view and different_views(policy):
        number, other = options.view, 1 - options.view
        found.append(
            Difference("view", f"This is view {number} of two; export view {other} as well.")
        )
    return tuple(found)
