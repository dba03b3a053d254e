"""Executes a program in plain torch, on any device: the reference, and what runs where no kernels
can.

Images with the same operation in a step are processed together. The device is never asked for
anything, so that its work queues up without waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quarterturn.augment import color, filters, geometry
from quarterturn.augment.draws import Noise
from quarterturn.augment.program import Step
from quarterturn.augment.sending import sent
from quarterturn.augment.tables import CODES

Indices = NDArray[np.int64]


_WITH_STRENGTH = {
    "brightness": color.brightness,
    "contrast": color.contrast,
    "saturation": color.saturation,
    "solarize": color.solarize,
    "posterize": color.posterize,
    "hue": color.hue,
    "sharpness": filters.sharpness,
}
_WITHOUT = {
    "grayscale": color.grayscale,
    "invert": color.invert,
    "auto_contrast": color.auto_contrast,
    "equalize": color.equalize,
    "horizontal_flip": geometry.mirror,
    "vertical_flip": geometry.overturn,
}


def _apply(
    name: str, images: torch.Tensor, step: Step, index: Indices, draws: Noise, count: int
) -> torch.Tensor:
    """One operation on the images of `index`."""
    device = images.device

    def moved(values: NDArray[Any]) -> torch.Tensor:
        return sent(values[index], device)

    if name in _WITHOUT:
        return _WITHOUT[name](images)
    if name == "resample":
        return geometry.resample(images, moved(step.maps), moved(step.fill))
    if name == "gaussian_blur":
        largest = float(step.strength[index].max())
        return filters.gaussian_blur(images, moved(step.strength), largest)
    if name == "gaussian_noise":
        noise = draws.noise(step.noise, count, *images.shape[1:])
        return filters.gaussian_noise(images, moved(step.strength), noise[sent(index, device)])
    if name == "cutout":
        return filters.cutout(images, moved(step.strength), moved(step.centre), moved(step.fill))
    return _WITH_STRENGTH[name](images, moved(step.strength))


def execute(steps: Sequence[Step], images: torch.Tensor, draws: Noise) -> torch.Tensor:
    """The images after all steps.

    Args:
        images: (n, 3, h, w), uint8 or float in [0, 1]; not changed.

    Returns:
        float32 (n, 3, h, w) in [0, 1].
    """
    now = images.float() / 255.0 if images.dtype == torch.uint8 else images.float().clone()
    now = now.contiguous()
    count = len(now)
    for step in steps:
        for name in step.names:
            index = np.flatnonzero(step.op == CODES[name])
            if not len(index):
                continue
            if len(index) == count:
                now = _apply(name, now, step, index, draws, count).contiguous()
                continue
            there = sent(index, now.device)
            part = _apply(name, now.index_select(0, there), step, index, draws, count)
            now.index_copy_(0, there, part.contiguous())
    return now.clamp_(0.0, 1.0)  # sums of weights are 1 only up to rounding
