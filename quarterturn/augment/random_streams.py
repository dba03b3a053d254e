"""Stateless random streams, so that candidates share their random numbers.

A stream is named by (seed, step, labels) and not by what was drawn before. Two policies with a
crop each thus draw the same crops at the same step, whatever else they contain (common random
numbers), and training resumes from a checkpoint without a generator state.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray

from quarterturn.augment.kernels.mersenne import uniform


class UniformStreams(ABC):
    """Named streams of uniform numbers."""

    device: torch.device

    def __init__(self) -> None:
        #: Candidates that are trained together ask for the same.
        self._uniform: dict[tuple[str, tuple[int, ...]], NDArray[np.float32]] = {}

    def uniform(self, label: str, *shape: int) -> NDArray[np.float32]:
        """float32 in [0, 1) of `shape`, read-only, the same for every device. Not on the device:
        the CPU must know what they decide, and each decision would wait for the accelerator.
        """
        drawn = self._uniform.get((label, shape))
        if drawn is None:
            drawn = self._uniform[label, shape] = np.empty(shape, np.float32)
            self._draw(label, drawn)
            drawn.flags.writeable = False
        return drawn

    @abstractmethod
    def _draw(self, label: str, out: NDArray[np.float32]) -> None:
        """Fill `out`."""


class RandomStreams(UniformStreams):
    """The random streams of one (seed, step), for images on one device."""

    def __init__(self, seed: int, step: int = 0, *, device: torch.device | str = "cpu") -> None:
        super().__init__()
        self.device = torch.device(device)
        self._root = f"{seed}/{step}"
        self._both: PairedStreams | None = None

    @property
    def both(self) -> PairedStreams:
        """The uniform numbers of both views at once."""
        self._both = self._both or PairedStreams(self)
        return self._both

    def _seed(self, label: str) -> int:
        digest = hashlib.blake2b(f"{self._root}/{label}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") >> 1

    def generator(self, label: str) -> torch.Generator:
        """The generator of the stream `label`, on the device."""
        return torch.Generator(device=self.device).manual_seed(self._seed(label))

    def _draw(self, label: str, out: NDArray[np.float32]) -> None:
        uniform(self._seed(label), out.reshape(-1))

    def normal(self, label: str, *shape: int) -> torch.Tensor:
        """Standard normal float32 of `shape`, on the device."""
        return torch.randn(shape, generator=self.generator(label), device=self.device)

    def noise(self, label: str, *shape: int) -> torch.Tensor:
        """As `normal`, for the op step whose streams begin with `label`."""
        return self.normal(f"{label}:gaussian_noise:noise", *shape)


class PairedStreams(UniformStreams):
    """The numbers of the two views of a batch as those of one of twice the size: first come the
    images of view 0, whose labels it is asked for, then those of view 1.
    """

    def __init__(self, streams: RandomStreams) -> None:
        super().__init__()
        self.device, self.of_one = streams.device, streams

    def _draw(self, label: str, out: NDArray[np.float32]) -> None:
        half = len(out) // 2
        first, second = view_labels(label)
        self.of_one._draw(first, out[:half])
        self.of_one._draw(second, out[half:])


def view_labels(label: str) -> tuple[str, str]:
    """Of both views, for that of view 0."""
    assert label.startswith("0/"), label
    return label, f"1{label[1:]}"
