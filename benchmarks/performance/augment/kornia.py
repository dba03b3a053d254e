"""Policies as a user of kornia would write them, for float batches on any device.

kornia draws parameters for each sample but chooses operations for the whole batch. Where samples
choose for themselves, those of one choice are gathered and transformed together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import kornia.augmentation as k
import torch
from torch import nn

from quarterturn.policy.schema import (
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)

_CIRCLE = 0.5


class _Chosen(nn.Module):
    """Each sample takes one of the transforms."""

    def __init__(self, transforms: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        self.transforms = nn.ModuleList(transforms)
        self.weights = torch.tensor(weights)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        choice = torch.multinomial(self.weights, len(images), replacement=True)
        out = images.clone()
        for number in set(choice.tolist()):
            index = (choice == number).nonzero().squeeze(1).to(images.device)
            out[index] = self.transforms[number](images[index])
        return out


def _operation(stage: Operation) -> nn.Module:
    name, high, p = stage.op, stage.high, stage.probability
    around = (max(0.0, 1.0 - high), 1.0 + high)
    degrees = math.degrees(math.atan(high))
    part = max(high, 0.02) ** 2
    bits = (float(max(1, 8 - int(high))), 8.0)
    sigma = (0.1, max(high, 0.11))
    kernel = 2 * math.ceil(3 * max(high, 0.34)) + 1
    made: dict[str, Callable[[], Any]] = {
        "shear_x": lambda: k.RandomShear((-degrees, degrees), p=p),
        "shear_y": lambda: k.RandomShear((0.0, 0.0, -degrees, degrees), p=p),
        "translate_x": lambda: k.RandomTranslate(translate_x=(-high, high), p=p),
        "translate_y": lambda: k.RandomTranslate(translate_y=(-high, high), p=p),
        "rotate": lambda: k.RandomRotation(high, p=p),
        "auto_contrast": lambda: k.RandomAutoContrast(p=p),
        "invert": lambda: k.RandomInvert(p=p),
        "equalize": lambda: k.RandomEqualize(p=p),
        "solarize": lambda: k.RandomSolarize((max(0.0, 1.0 - high), 1.0), (0.0, 0.0), p=p),
        "posterize": lambda: k.RandomPosterize(bits, p=p),
        "contrast": lambda: k.RandomContrast(around, p=p),
        "saturation": lambda: k.RandomSaturation(around, p=p),
        "brightness": lambda: k.RandomBrightness(around, p=p),
        "sharpness": lambda: k.RandomSharpness((0.0, 1.0 + high), p=p),
        "cutout": lambda: k.RandomErasing((part / 4, part), (1.0, 1.0), p=p),
        "hue": lambda: k.RandomHue((-min(high, _CIRCLE), min(high, _CIRCLE)), p=p),
        "grayscale": lambda: k.RandomGrayscale(p=p),
        "gaussian_blur": lambda: k.RandomGaussianBlur((kernel, kernel), sigma, p=p),
        "gaussian_noise": lambda: k.RandomGaussianNoise(std=high, p=p),
        "horizontal_flip": lambda: k.RandomHorizontalFlip(p=p),
        "vertical_flip": lambda: k.RandomVerticalFlip(p=p),
        "rotate90": lambda: k.RandomRotation90((1, 3), p=p),
    }
    transform: nn.Module = made[name]()
    return transform


def _stage(stage: Stage, size: int) -> nn.Module:
    if isinstance(stage, RandomResizedCrop):
        crop: nn.Module = k.RandomResizedCrop(
            (size, size), scale=stage.scale, cropping_mode="resample"
        )
        return crop
    if isinstance(stage, Operation):
        return _operation(stage) if stage.probability > 0 else nn.Identity()
    if isinstance(stage, OneOf):
        branches = [
            nn.Sequential(*(_stage(inner, size) for inner in branch.stages))
            for branch in stage.branches
        ]
        return _Chosen(branches, [branch.weight for branch in stage.branches])
    assert isinstance(stage, Sample | Shuffle)
    if isinstance(stage, Shuffle):
        limits = {leaf.op: leaf.high for leaf in stage.of if isinstance(leaf, Operation)}
        jitter: nn.Module = k.ColorJiggle(**limits, p=stage.probability)
        return jitter
    leaves = [_stage(leaf, size) for leaf in stage.of]
    return nn.Sequential(*(_Chosen(leaves, [1.0] * len(leaves)) for _ in range(stage.count)))


def build(policy: Policy, size: int) -> Callable[[torch.Tensor], Any]:
    """The first view, as a function of a float batch (n, 3, s, s).

    Raises:
        LookupError: it has no such operation.
    """
    whole = nn.Sequential(*(_stage(stage, size) for stage in policy.view(0)))

    def apply(images: torch.Tensor) -> Any:
        with torch.no_grad():
            return whole(images)

    return apply
