"""Sampling errors of numbers that are not means over images, such as an effective rank."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

GROUPS = 10


def jackknife_error(measure: Callable[[torch.Tensor], float], images: int) -> float:
    """Standard error of a number from the choice of images: the jackknife, a tenth left out at a
    time (Shao & Wu 1989).

    Args:
        measure: the number on the images of an index (int64), which leaves a group of them out.
        images: how many there are; 4 at least, as two of three tell little. Fewer give 0.
    """
    groups = min(GROUPS, images)
    if groups < 4:
        return 0.0
    places = torch.arange(images)
    values = [measure(places[places % groups != group]) for group in range(groups)]
    mean = math.fsum(values) / groups
    return math.sqrt((groups - 1) / groups * math.fsum((v - mean) ** 2 for v in values))
