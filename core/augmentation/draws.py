"""Stateless random streams, so that candidates share their random numbers.

A stream is named by (seed, step, labels) and not by what was drawn before. Two policies with a
crop each thus draw the same crops at the same step, whatever else they contain (common random
numbers), and training resumes from a checkpoint without a generator state.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray


class Noise(Protocol):
    """What noise comes from: the draws of a batch, or those of several."""

    def noise(self, label: str, *shape: int) -> torch.Tensor:
        """Standard normal float32 of `shape`, on the device of the images."""


class Draws:
    """Random numbers of one (seed, step), for images on one device."""

    def __init__(self, seed: int, step: int = 0, *, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._root = f"{seed}/{step}"
        self._generator = torch.Generator()
        #: Candidates that are trained together ask for the same.
        self._uniform: dict[tuple[str, tuple[int, ...]], NDArray[np.float32]] = {}

    def _seed(self, label: str) -> int:
        digest = hashlib.blake2b(f"{self._root}/{label}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") >> 1

    def generator(self, label: str) -> torch.Generator:
        """The generator of the stream `label`, on the device."""
        return torch.Generator(device=self.device).manual_seed(self._seed(label))

    def uniform(self, label: str, *shape: int) -> NDArray[np.float32]:
        """float32 in [0, 1) of `shape`, read-only, the same for every device. Not on the device: the CPU
        must know what they decide, and each decision would wait for the accelerator.
        """
        drawn = self._uniform.get((label, shape))
        if drawn is None:
            self._generator.manual_seed(self._seed(label))
            drawn = self._uniform[label, shape] = torch.rand(
                shape, generator=self._generator
            ).numpy()
            drawn.flags.writeable = False
        return drawn

    def normal(self, label: str, *shape: int) -> torch.Tensor:
        """Standard normal float32 of `shape`, on the device."""
        return torch.randn(shape, generator=self.generator(label), device=self.device)

    def noise(self, label: str, *shape: int) -> torch.Tensor:
        """That of a `gaussian_noise` whose streams begin with `label`, as `normal`."""
        return self.normal(f"{label}:gaussian_noise:noise", *shape)


class BothViews(Draws):
    """The draws of the two views of a batch as those of one batch of twice the size: first come the
    images of view 0, whose labels it is asked for, then those of view 1.
    """

    def __init__(self, draws: Draws) -> None:
        self.device, self.of_one = draws.device, draws

    def uniform(self, label: str, *shape: int) -> NDArray[np.float32]:
        """As those of `Draws`, of a label that begins with the number of the view."""
        half = shape[0] // 2, *shape[1:]
        first, second = (self.of_one.uniform(of, *half) for of in both_labels(label))
        return np.concatenate((first, second))

    def noise(self, label: str, *shape: int) -> torch.Tensor:
        """As that of `Draws`, of a label that begins with the number of the view."""
        half = shape[0] // 2, *shape[1:]
        return torch.cat([self.of_one.noise(of, *half) for of in both_labels(label)])


def both_labels(label: str) -> tuple[str, str]:
    """Of both views, for that of view 0."""
    assert label.startswith("0/"), label
    return label, f"1{label[1:]}"
