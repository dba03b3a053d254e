"""Programs of several batches as one program, for GPUs without kernels.

Steps of the same place are put side by side. Each image goes through the operations of its own
program, in their order and with their draws; what is shared is the sending of work to the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from quarterturn.augment.draws import Draws
from quarterturn.augment.maps import identity
from quarterturn.augment.program import Step


def _nothing(count: int) -> Step:
    empty = np.zeros((count, 3), np.float32)
    return Step(
        (), np.zeros(count, np.int64), empty[:, 0], identity(count), empty, empty[:, :2], ""
    )


class JointNoise:
    """The noise of merged programs: that of each, one after the other.

    Args:
        programs: of each its draws, its images, and the labels of its noise by place.
    """

    def __init__(self, programs: Sequence[tuple[Draws, int, Mapping[int, str]]]) -> None:
        self._programs = programs

    def noise(self, label: str, *shape: int) -> torch.Tensor:
        """Standard normal of `shape` (images first), on the device; the label is the place."""
        parts = []
        for draws, count, labels in self._programs:
            size = (count, *shape[1:])
            own = labels.get(int(label))
            parts.append(
                torch.zeros(size, device=draws.device) if own is None else draws.noise(own, *size)
            )
        return torch.cat(parts)


def labels_of(steps: Sequence[Step]) -> dict[int, str]:
    """Those of the noise of a program, by the places of its steps."""
    return {place: step.noise for place, step in enumerate(steps) if "gaussian_noise" in step.names}


def merge(programs: Sequence[tuple[Sequence[Step], int]]) -> list[Step]:
    """One program for the images of all, in their order, of the steps and the number of images of
    each; its noise is a `JointNoise`.
    """
    merged = []
    for place in range(max(len(steps) for steps, _ in programs)):
        steps = [
            program[place] if place < len(program) else _nothing(count)
            for program, count in programs
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
