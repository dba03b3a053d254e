"""An augmentation plan as numbers: what each image of a batch gets, one row for each op step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from quarterturn.augment import layout
from quarterturn.augment.random_streams import (
    PairedStreams,
    RandomStreams,
    UniformStreams,
    view_labels,
)
from quarterturn.augment.transfer import send


@dataclass(frozen=True)
class NoisePart:
    """The noise of consecutive images: the label of its stream, or none."""

    streams: RandomStreams | None
    label: str
    count: int


@dataclass(frozen=True)
class PackedPlan:
    """The op steps of n images, at most s for each.

    Attributes:
        rows: float32 (n, s, ROW), see `quarterturn.augment.layout`.
        noise: for each of k steps that read noise, the parts that make up n images.
        operations: names of those on values that may occur.
        ready: the rows in pinned memory.
    """

    rows: NDArray[np.float32]
    noise: tuple[tuple[NoisePart, ...], ...]
    operations: frozenset[str]
    ready: torch.Tensor | None = None

    def pinned(self) -> PackedPlan:
        """The same with `ready`, which a GPU reads by itself."""
        return replace(self, ready=torch.from_numpy(self.rows).pin_memory())

    def rows_on(self, device: torch.device) -> torch.Tensor:
        """The rows on the device, which is not waited for."""
        if self.ready is None:
            return send(self.rows, device)
        return self.ready.to(device, non_blocking=True)


def noise_parts(streams: UniformStreams, label: str, count: int) -> tuple[NoisePart, ...]:
    """The noise of a step of `count` images; of both views, the part of each."""
    if isinstance(streams, PairedStreams):
        return tuple(
            NoisePart(streams.of_one, of_view, count // 2) for of_view in view_labels(label)
        )
    assert isinstance(streams, RandomStreams)
    return (NoisePart(streams, label, count),)


def split_views(plan: PackedPlan) -> tuple[PackedPlan, PackedPlan]:
    """A plan of two views as one of each; its noise must have a part for each."""
    half = len(plan.rows) // 2
    first, second = (tuple(parts[at] for parts in plan.noise) for at in (slice(1), slice(1, None)))
    return (
        PackedPlan(plan.rows[:half], first, plan.operations),
        PackedPlan(plan.rows[half:], second, plan.operations),
    )


def join(plans: Sequence[PackedPlan]) -> PackedPlan:
    """One plan for the images of all, in their order."""
    longest = max(plan.rows.shape[1] for plan in plans)
    rows = np.empty((sum(len(plan.rows) for plan in plans), longest, layout.ROW), np.float32)
    begin = 0
    for plan in plans:
        count, steps = plan.rows.shape[:2]
        rows[begin : begin + count, :steps] = plan.rows
        rows[begin : begin + count, steps:, layout.OP] = 0
        begin += count
    noise = [
        tuple(
            part
            for plan in plans
            for part in (
                plan.noise[place]
                if place < len(plan.noise)
                else (NoisePart(None, "", len(plan.rows)),)
            )
        )
        for place in range(max(len(plan.noise) for plan in plans))
    ]
    return PackedPlan(rows, tuple(noise), frozenset().union(*(plan.operations for plan in plans)))


def sample_noise(plan: PackedPlan, image: torch.Size, device: torch.device) -> torch.Tensor | None:
    """The noise (k, n, 3, h, w) of a plan, of images of a size (3, h, w); None without any."""
    if not plan.noise:
        return None

    noise = torch.zeros(len(plan.noise), len(plan.rows), *image, device=device)
    for place, parts in zip(noise, plan.noise, strict=True):
        begin = 0
        for part in parts:
            if part.streams is not None:
                drawn = part.streams.noise(part.label, part.count, *image)
                place[begin : begin + part.count] = drawn
            begin += part.count
    return noise
