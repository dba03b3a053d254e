"""From a policy's stages to the program of a batch: who gets which operation, and how strong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from quarterturn.augment.draws import Numbers
from quarterturn.augment.program import Codes, Mask, Program, Step
from quarterturn.augment.tables import LeafTable, branch_table, leaf_table
from quarterturn.policy.schema import OneOf, Operation, RandomResizedCrop, Sample, Shuffle, Stage


class Slots(Protocol):
    """A program under construction."""

    count: int
    draws: Numbers

    def slot(self, table: LeafTable, choice: Codes, active: Mask | None, label: str) -> None:
        """Give image i the leaf `choice[i]`, if active and its own probability holds."""


def _gate(program: Slots, probability: float, label: str) -> Mask | None:
    if probability >= 1.0:
        return None
    return program.draws.uniform(f"{label}:gate", program.count) < probability


def _one_of(program: Slots, stage: OneOf, label: str) -> None:
    active = _gate(program, stage.probability, label)
    branches = branch_table(stage)
    number = program.draws.uniform(f"{label}:branch", program.count)
    last = len(stage.branches) - 1
    branch = np.minimum(np.searchsorted(branches.edges, number, side="right"), last)
    for slot, (table, places) in enumerate(branches.slots):
        choice = places[branch]
        here = choice >= 0
        program.slot(
            table,
            np.maximum(choice, 0),
            here if active is None else here & active,
            f"{label}:{slot}",
        )


def _drawn(program: Slots, stage: Sample | Shuffle, label: str) -> None:
    """`sample` and `shuffle`: the operations of each image in an order of its own."""
    size = len(stage.of)
    count = size if isinstance(stage, Shuffle) else stage.count
    active = _gate(program, stage.probability, label)
    if isinstance(stage, Sample) and stage.replace:
        order = (program.draws.uniform(f"{label}:choice", program.count, count) * size).astype(
            np.int64
        )
    else:
        order = program.draws.uniform(f"{label}:order", program.count, size).argsort(1)
    table = leaf_table(stage)
    for slot in range(count):
        program.slot(table, order[:, slot], active, f"{label}:{slot}")


def fill(program: Slots, stages: Sequence[Stage], view: int) -> None:
    """Draw all stages of one view."""
    everyone = np.zeros(program.count, np.int64)
    seen: dict[str, int] = {}
    for stage in stages:
        # Streams go by kind and occurrence, not by position: see quarterturn.augment.draws.
        seen[stage.op] = seen.get(stage.op, 0) + 1
        label = f"{view}/{stage.op}/{seen[stage.op]}"
        if isinstance(stage, Operation | RandomResizedCrop):
            program.slot(leaf_table(stage), everyone, None, label)
        elif isinstance(stage, OneOf):
            _one_of(program, stage, label)
        else:
            _drawn(program, stage, label)


def draw_program(
    stages: Sequence[Stage], draws: Numbers, count: int, height: int, width: int, *, view: int = 0
) -> list[Step]:
    """The steps of one view of `count` images."""
    program = Program(count, height, width, draws)
    fill(program, stages, view)
    return program.finish()
