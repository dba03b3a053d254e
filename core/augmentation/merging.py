"""Programs of several batches as one program, for devices that a batch does not fill.

Steps of the same place are put side by side. Each image goes through the operations of its own
program, in their order and with their draws; what is shared is the sending of work to the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.augmentation.draws import Draws
from core.augmentation.maps import identity
from core.augmentation.program import Step


@dataclass(frozen=True)
class Drawn:
    """The program of `count` images, and the draws that it was made of."""

    steps: Sequence[Step]
    draws: Draws
    count: int


def _nothing(count: int) -> Step:
    empty = np.zeros((count, 3), np.float32)
    return Step(
        (), np.zeros(count, np.int64), empty[:, 0], identity(count), empty, empty[:, :2], ""
    )


class JointNoise:
    """The noise of merged programs: that of each, one after the other."""

    def __init__(self, programs: Sequence[Drawn]) -> None:
        self._programs = programs

    def noise(self, label: str, *shape: int) -> torch.Tensor:
        """Standard normal of `shape` (images first), on the device; the label is the place."""
        place = int(label)
        parts = []
        for program in self._programs:
            size = (program.count, *shape[1:])
            step = program.steps[place] if place < len(program.steps) else None
            if step is not None and "gaussian_noise" in step.names:
                parts.append(program.draws.noise(step.noise, *size))
            else:
                parts.append(torch.zeros(size, device=program.draws.device))
        return torch.cat(parts)


def merge(programs: Sequence[Drawn]) -> list[Step]:
    """One program for the images of all, in their order; its noise is a `JointNoise`."""
    merged = []
    for place in range(max(len(program.steps) for program in programs)):
        steps = [
            program.steps[place] if place < len(program.steps) else _nothing(program.count)
            for program in programs
        ]
        merged.append(
            Step(
                names=tuple(dict.fromkeys(name for step in steps for name in step.names)),
                op=np.concatenate([step.op for step in steps]),
                strength=np.concatenate([step.strength for step in steps]),
                maps=np.concatenate([step.maps for step in steps]),
                fill=np.concatenate([step.fill for step in steps]),
                centre=np.concatenate([step.centre for step in steps]),
                noise=str(place),
            )
        )
    return merged
