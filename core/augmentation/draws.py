"""Stateless random streams, so that candidates share their random numbers.

A stream is named by (seed, step, labels) and not by what was drawn before. Two policies with a
crop each thus draw the same crops at the same step, whatever else they contain (common random
numbers), and training resumes from a checkpoint without a generator state.
"""

from __future__ import annotations

import hashlib

import torch


class Draws:
    """Random numbers of one (seed, step), on one device."""

    def __init__(self, seed: int, step: int = 0, *, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._root = f"{seed}/{step}"

    def generator(self, label: str) -> torch.Generator:
        """The generator of the stream `label`."""
        digest = hashlib.blake2b(f"{self._root}/{label}".encode(), digest_size=8).digest()
        generator = torch.Generator(device=self.device)
        generator.manual_seed(int.from_bytes(digest, "little") >> 1)
        return generator

    def uniform(self, label: str, *shape: int) -> torch.Tensor:
        """float32 in [0, 1) of `shape`."""
        return torch.rand(shape, generator=self.generator(label), device=self.device)

    def normal(self, label: str, *shape: int) -> torch.Tensor:
        """Standard normal float32 of `shape`."""
        return torch.randn(shape, generator=self.generator(label), device=self.device)
