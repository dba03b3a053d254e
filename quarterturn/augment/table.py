"""A program as numbers, one row for each step of an image: what kernels take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from quarterturn.augment.draws import BothViews, Draws, Numbers, both_labels
from quarterturn.augment.program import Step
from quarterturn.augment.sending import sent

#: Numbers of a row.
ROW = 16


@dataclass(frozen=True)
class NoisePart:
    """Noise of some images that follow one another: a label of their draws, or none."""

    draws: Draws | None
    label: str
    count: int


@dataclass(frozen=True)
class Table:
    """The steps of n images, each with its own; a code of 0 does nothing.

    Attributes:
        rows: float32 (n, s, ROW): code of `quarterturn.augment.tables`, strength, map (6), fill
            (3), centre (2), place in `noise`. What an operation does not read is left empty.
        noise: for each place the parts of n images.
        ready: the rows in memory that a GPU reads by itself.
    """

    rows: NDArray[np.float32]
    noise: tuple[tuple[NoisePart, ...], ...]
    ready: torch.Tensor | None = None

    def pinned(self) -> Table:
        """The same with `ready`."""
        return replace(self, ready=torch.from_numpy(self.rows).pin_memory())

    def rows_on(self, device: torch.device) -> torch.Tensor:
        """The rows on the device, which is not waited for."""
        if self.ready is None:
            return sent(self.rows, device)
        return self.ready.to(device, non_blocking=True)


def parts_of(draws: Numbers, label: str, count: int) -> tuple[NoisePart, ...]:
    """The noise of a slot; that of both views apart."""
    if isinstance(draws, BothViews):
        return tuple(NoisePart(draws.of_one, of, count // 2) for of in both_labels(label))
    assert isinstance(draws, Draws)
    return (NoisePart(draws, label, count),)


def table_of(steps: Sequence[Step], count: int, draws: Numbers) -> Table:
    """That of a program of steps, and of the draws that it was made of."""
    rows = np.empty((count, len(steps), ROW), np.float32)
    noise: list[tuple[NoisePart, ...]] = []
    for place, step in enumerate(steps):
        mine = rows[:, place]
        mine[:, 0], mine[:, 1] = step.op, step.strength
        if "resample" in step.names:
            mine[:, 2:8], mine[:, 8:11] = step.maps.reshape(-1, 6), step.fill
        if "cutout" in step.names:
            mine[:, 8:11], mine[:, 11:13] = step.fill, step.centre
        if "gaussian_noise" in step.names:
            mine[:, 13] = len(noise)
            noise.append(parts_of(draws, step.noise, count))
    return Table(rows, tuple(noise))


def halves(table: Table) -> tuple[Table, Table]:
    """Of a table of two views each of them; its noise must have a part for each."""
    half = len(table.rows) // 2
    return (
        Table(table.rows[:half], tuple(parts[:1] for parts in table.noise)),
        Table(table.rows[half:], tuple(parts[1:] for parts in table.noise)),
    )


def joined(tables: Sequence[Table]) -> Table:
    """One for the images of all, in their order."""
    longest = max(table.rows.shape[1] for table in tables)
    rows = np.empty((sum(len(table.rows) for table in tables), longest, ROW), np.float32)
    begin = 0
    for table in tables:
        count, steps = table.rows.shape[:2]
        rows[begin : begin + count, :steps] = table.rows
        rows[begin : begin + count, steps:, 0] = 0
        begin += count
    noise = [
        tuple(
            part
            for table in tables
            for part in (
                table.noise[place]
                if place < len(table.noise)
                else (NoisePart(None, "", len(table.rows)),)
            )
        )
        for place in range(max(len(table.noise) for table in tables))
    ]
    return Table(rows, tuple(noise))


def noise_of(table: Table, image: torch.Size, device: torch.device) -> torch.Tensor | None:
    """The noise (k, n, 3, h, w) of a table of images of a size (3, h, w)."""
    if not table.noise:
        return None

    noise = torch.zeros(len(table.noise), len(table.rows), *image, device=device)
    for place, parts in zip(noise, table.noise, strict=True):
        begin = 0
        for part in parts:
            if part.draws is not None:
                place[begin : begin + part.count] = part.draws.noise(part.label, part.count, *image)
            begin += part.count
    return noise
