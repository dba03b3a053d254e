"""The sampler: from a policy's stages to the plan of a batch, who gets which operation, how strong.

Every image has steps of its own. Operations that move pixels and follow one another are composed
into one resampling per image, which is due before the image's next operation on values, before
one with another fill color, and at the end: content that one moves out of the frame and the next
moves back is kept. Plans are sampled on the CPU for images anywhere: they are small, and no device
is asked for what they decide.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarterturn.augment import layout
from quarterturn.augment.leaves import LeafTable, branch_table, leaf_table
from quarterturn.augment.ops.registry import CROP
from quarterturn.augment.packed_plan import NoisePart, PackedPlan, noise_parts
from quarterturn.augment.random_streams import UniformStreams
from quarterturn.policy.schema import OneOf, Operation, RandomResizedCrop, Sample, Shuffle, Stage

Mask = NDArray[np.bool_]
Choice = NDArray[np.int64]

#: Steps that there is room for at first.
_ROOM = 16
_NO_MASK = np.zeros(1, np.bool_)
_NO_CROPS = np.zeros((1, layout.CROP_DRAWS), np.float32)
_NO_CROPS.flags.writeable = False  # as those that are drawn: one compiled function for both


class _Workspace(threading.local):
    """Memory for rows, of each thread: fresh memory costs more than to fill it."""

    rows = np.empty((0, 0, layout.ROW), np.float32)

    def reserve(self, count: int, steps: int) -> NDArray[np.float32]:
        if self.rows.shape[0] != count or self.rows.shape[1] < steps:
            self.rows = np.empty((count, steps, layout.ROW), np.float32)
        return self.rows


_workspace = _Workspace()


class _Sampler:
    """The plan of `count` images of one size, under construction until `finish`."""

    def __init__(self, count: int, height: int, width: int, streams: UniformStreams) -> None:
        self.count, self.height, self.width, self.streams = count, height, width, streams
        self._rows = _workspace.reserve(count, _ROOM)
        self._lengths = np.zeros(count, np.int64)
        self._state = np.empty((count, layout.STATE), np.float32)
        self._pending = np.zeros(count, np.bool_)
        self._noise: list[tuple[NoisePart, ...]] = []
        self._operations: set[str] = set()

    def _make_room(self) -> None:
        """For two more steps of each image."""
        needed = int(self._lengths.max(initial=0)) + 2
        if needed > self._rows.shape[1]:
            before = self._rows
            self._rows = _workspace.reserve(self.count, 2 * needed)
            self._rows[:, : before.shape[1]] = before

    def add_step(self, table: LeafTable, choice: Choice, active: Mask | None, label: str) -> None:
        """Give image i the leaf `choice[i]`, if active and its own probability holds."""
        from quarterturn.augment.sample_kernels import add_step  # not before it is needed

        self._make_room()
        crop_draws: NDArray[np.float32] = _NO_CROPS
        if table.has_crop:
            crop_draws = self.streams.uniform(f"{label}:{CROP}:crop", self.count, layout.CROP_DRAWS)
        add_step(
            self.streams.uniform(label, self.count, layout.DRAWS),
            np.ascontiguousarray(choice),
            _NO_MASK if active is None else active,
            active is not None,
            table.op,
            table.parameters,
            table.is_affine,
            crop_draws,
            len(self._noise) if table.reads_noise else 0,
            self.height,
            self.width,
            self._rows,
            self._lengths,
            self._state,
            self._pending,
        )
        self._operations |= table.on_values
        if table.reads_noise:
            self._noise.append(noise_parts(self.streams, label, self.count))

    def finish(self) -> PackedPlan:
        """The whole plan."""
        from quarterturn.augment.sample_kernels import finish

        self._make_room()
        finish(self._rows, self._lengths, self._state, self._pending, self.height, self.width)
        longest = int(self._lengths.max(initial=0))
        rows = self._rows[:, :longest].copy()
        return PackedPlan(rows, tuple(self._noise), frozenset(self._operations))


def _gate(sampler: _Sampler, probability: float, label: str) -> Mask | None:
    if probability >= 1.0:
        return None
    return sampler.streams.uniform(f"{label}:gate", sampler.count) < probability


def _sample_one_of(sampler: _Sampler, stage: OneOf, label: str) -> None:
    active = _gate(sampler, stage.probability, label)
    branches = branch_table(stage)
    number = sampler.streams.uniform(f"{label}:branch", sampler.count)
    last = len(stage.branches) - 1
    branch = np.minimum(np.searchsorted(branches.edges, number, side="right"), last)
    for step, (table, places) in enumerate(branches.steps):
        choice = places[branch]
        here = choice >= 0
        sampler.add_step(
            table,
            np.maximum(choice, 0),
            here if active is None else here & active,
            f"{label}:{step}",
        )


def _sample_order(sampler: _Sampler, stage: Sample | Shuffle, label: str) -> None:
    """`sample` and `shuffle`: the operations of each image in an order of its own."""
    size = len(stage.of)
    count = size if isinstance(stage, Shuffle) else stage.count
    active = _gate(sampler, stage.probability, label)
    if isinstance(stage, Sample) and stage.replace:
        numbers = sampler.streams.uniform(f"{label}:choice", sampler.count, count)
        order = (numbers * size).astype(np.int64)
    else:
        order = sampler.streams.uniform(f"{label}:order", sampler.count, size).argsort(1)
    table = leaf_table(stage)
    for step in range(count):
        sampler.add_step(table, order[:, step], active, f"{label}:{step}")


def sample_plan(
    stages: Sequence[Stage],
    streams: UniformStreams,
    count: int,
    height: int,
    width: int,
    *,
    view: int = 0,
) -> PackedPlan:
    """The plan of one view of `count` images of height and width."""
    sampler = _Sampler(count, height, width, streams)
    everyone = np.zeros(count, np.int64)
    seen: dict[str, int] = {}
    for stage in stages:
        # Streams go by kind and occurrence, not by position: see `random_streams`.
        seen[stage.op] = seen.get(stage.op, 0) + 1
        label = f"{view}/{stage.op}/{seen[stage.op]}"
        if isinstance(stage, Operation | RandomResizedCrop):
            sampler.add_step(leaf_table(stage), everyone, None, label)
        elif isinstance(stage, OneOf):
            _sample_one_of(sampler, stage, label)
        else:
            _sample_order(sampler, stage, label)
    return sampler.finish()
