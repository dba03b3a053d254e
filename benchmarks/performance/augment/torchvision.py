"""Policies as a user of torchvision.transforms.v2 would write them, for one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torchvision.transforms import v2 as t

from quarterturn.policy.schema import (
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)


def _operation(stage: Operation, pil: bool) -> Any:
    name, high = stage.op, stage.high
    around = (max(0.0, 1.0 - high), 1.0 + high)
    degrees = math.degrees(math.atan(high))
    made: dict[str, Any] = {
        "shear_x": lambda: t.RandomAffine(0, shear=(-degrees, degrees)),
        "shear_y": lambda: t.RandomAffine(0, shear=(0, 0, -degrees, degrees)),
        "translate_x": lambda: t.RandomAffine(0, translate=(high, 0)),
        "translate_y": lambda: t.RandomAffine(0, translate=(0, high)),
        "rotate": lambda: t.RandomRotation(high),
        "auto_contrast": lambda: t.RandomAutocontrast(1.0),
        "invert": lambda: t.RandomInvert(1.0),
        "equalize": lambda: t.RandomEqualize(1.0),
        "solarize": lambda: t.RandomSolarize(128, 1.0),
        "posterize": lambda: t.RandomPosterize(max(1, 8 - int(high)), 1.0),
        "contrast": lambda: t.ColorJitter(contrast=around),
        "saturation": lambda: t.ColorJitter(saturation=around),
        "brightness": lambda: t.ColorJitter(brightness=around),
        "sharpness": lambda: t.RandomAdjustSharpness(1.0 + high, 1.0),
        "hue": lambda: t.ColorJitter(hue=(-high, high)),
        "grayscale": lambda: t.RandomGrayscale(1.0),
        "gaussian_blur": lambda: t.GaussianBlur(
            2 * math.ceil(3 * max(high, 0.34)) + 1, (0.1, max(high, 0.1))
        ),
        "horizontal_flip": lambda: t.RandomHorizontalFlip(1.0),
        "vertical_flip": lambda: t.RandomVerticalFlip(1.0),
    }
    if name == "cutout" and not pil:
        part = max(high, 0.02) ** 2
        return t.RandomErasing(1.0, scale=(part / 4, part), ratio=(1.0, 1.0))
    return made[name]()


def _stage(stage: Stage, size: int, pil: bool) -> Any:
    if isinstance(stage, RandomResizedCrop):
        # Antialiasing is its default, and costs more; ours has none.
        return t.RandomResizedCrop(size, scale=stage.scale, antialias=False)
    if isinstance(stage, Operation):
        return _maybe(_operation(stage, pil), stage.probability)
    if isinstance(stage, OneOf):
        branches = [_sequence(branch.stages, size, pil) for branch in stage.branches]
        weights = [branch.weight for branch in stage.branches]
        return _maybe(t.RandomChoice(branches, p=weights), stage.probability)
    assert isinstance(stage, Sample | Shuffle)
    if isinstance(stage, Shuffle):
        limits = {leaf.op: leaf.high for leaf in stage.of if isinstance(leaf, Operation)}
        return _maybe(t.ColorJitter(**limits), stage.probability)  # all our shuffles are this
    drawn = t.RandomChoice([_stage(leaf, size, pil) for leaf in stage.of])
    return t.Compose([drawn] * stage.count)


def _maybe(transform: Any, probability: float) -> Any:
    return transform if probability >= 1.0 else t.RandomApply([transform], probability)


def _sequence(stages: Sequence[Stage], size: int, pil: bool) -> Any:
    made = [_stage(stage, size, pil) for stage in stages]
    return t.Compose(made) if made else t.Identity()


def build(policy: Policy, size: int, *, pil: bool) -> Any:
    """The first view, as a function of one image.

    Raises:
        LookupError: it has no such operation for such images.
    """
    return _sequence(policy.view(0), size, pil)
