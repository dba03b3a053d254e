"""Policies as a user of albumentations would write them, for one array."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import albumentations as a
import cv2
import numpy as np

from quarterturn.policy.schema import (
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)

_ONE = (1.0, 1.0)


def _jitter(p: float, **factors: tuple[float, float]) -> Any:
    still: dict[str, Any] = {
        "brightness": _ONE,
        "contrast": _ONE,
        "saturation": _ONE,
        "hue": (0.0, 0.0),
    }
    return a.ColorJitter(**{**still, **factors}, p=p)


def _operation(stage: Operation) -> Any:
    name, high, p = stage.op, stage.high, stage.probability
    around = (max(0.0, 1.0 - high), 1.0 + high)
    degrees = math.degrees(math.atan(high))
    side = (max(high / 2, 0.01), max(high, 0.01))
    made: dict[str, Callable[[], Any]] = {
        "shear_x": lambda: a.Affine(shear={"x": (-degrees, degrees), "y": (0, 0)}, p=p),
        "shear_y": lambda: a.Affine(shear={"y": (-degrees, degrees), "x": (0, 0)}, p=p),
        "translate_x": lambda: a.Affine(translate_percent={"x": (-high, high), "y": (0, 0)}, p=p),
        "translate_y": lambda: a.Affine(translate_percent={"y": (-high, high), "x": (0, 0)}, p=p),
        "rotate": lambda: a.Rotate((-high, high), border_mode=cv2.BORDER_CONSTANT, p=p),
        "auto_contrast": lambda: a.AutoContrast(method="pil", p=p),
        "invert": lambda: a.InvertImg(p=p),
        "equalize": lambda: a.Equalize(mode="cv", p=p),
        "solarize": lambda: a.Solarize((max(0.0, 1.0 - high), 1.0), p=p),
        "posterize": lambda: a.Posterize((max(1, 8 - int(high)), 8), p=p),
        "contrast": lambda: _jitter(p, contrast=around),
        "saturation": lambda: _jitter(p, saturation=around),
        "brightness": lambda: _jitter(p, brightness=around),
        "sharpness": lambda: a.Sharpen(kernel_size=3, p=p),
        "cutout": lambda: a.CoarseDropout((1, 1), side, side, p=p),
        "hue": lambda: _jitter(p, hue=(-high, high)),
        "grayscale": lambda: a.ToGray(p=p),
        "gaussian_blur": lambda: a.GaussianBlur(
            blur_limit=0, sigma_limit=(0.1, max(high, 0.1)), p=p
        ),
        "gaussian_noise": lambda: a.GaussNoise(std_range=(0.0, high), p=p),
        "horizontal_flip": lambda: a.HorizontalFlip(p=p),
        "vertical_flip": lambda: a.VerticalFlip(p=p),
        "rotate90": lambda: a.RandomRotate90(p=p),
    }
    return made[name]()


def _stage(stage: Stage, size: int) -> Any:
    if isinstance(stage, RandomResizedCrop):
        return a.RandomResizedCrop((size, size), scale=stage.scale)
    if isinstance(stage, Operation):
        return _operation(stage)
    if isinstance(stage, OneOf):
        branches = [
            a.Sequential([_stage(inner, size) for inner in branch.stages], p=branch.weight)
            for branch in stage.branches
        ]
        return a.OneOf(branches, p=stage.probability)
    assert isinstance(stage, Sample | Shuffle)
    if isinstance(stage, Shuffle):
        limits = {leaf.op: leaf.high for leaf in stage.of if isinstance(leaf, Operation)}
        hue = limits.pop("hue")
        factors = {name: (max(0.0, 1.0 - high), 1.0 + high) for name, high in limits.items()}
        return _jitter(stage.probability, hue=(-hue, hue), **factors)
    # Its choice goes by the probabilities of the operations; what is drawn is then applied.
    once = [a.OneOf([_drawn(leaf, size) for leaf in stage.of], p=1.0) for _ in range(stage.count)]
    return a.Sequential(once, p=1.0)


def _drawn(leaf: Operation | RandomResizedCrop, size: int) -> Any:
    return a.NoOp(p=1.0) if leaf.probability == 0.0 else _stage(leaf, size)


def build(policy: Policy, size: int) -> Callable[[np.ndarray[Any, Any]], Any]:
    """The first view, as a function of one array.

    Raises:
        LookupError: it has no such operation.
    """
    stages: Sequence[Stage] = policy.view(0)
    whole = a.Compose([_stage(stage, size) for stage in stages])
    return lambda image: whole(image=image)["image"]
