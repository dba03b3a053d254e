"""A policy's stages as tables of leaves, the operations of which each image draws one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from quarterturn.augment import layout
from quarterturn.augment.ops.registry import CODES, CROP, OPERATIONS
from quarterturn.policy.schema import OneOf, Operation, RandomResizedCrop, Sample, Shuffle

_SIGNS = {"random": 0.0, "positive": 1.0, "negative": -1.0}


@dataclass(frozen=True)
class LeafTable:
    """The parameters of t leaves.

    Attributes:
        op: int64 (t,), codes of `quarterturn.augment.ops.registry`.
        parameters: float32 (t, LEAF), see `quarterturn.augment.layout`.
        is_affine: bool (t,), which of them move pixels.
        on_values: names of those that do not.
        reads_noise: whether one of them does.
        has_crop: whether one of them is a random resized crop.
    """

    op: NDArray[np.int64]
    parameters: NDArray[np.float32]
    is_affine: NDArray[np.bool_]
    on_values: frozenset[str]
    reads_noise: bool
    has_crop: bool


def _row(leaf: Operation | RandomResizedCrop) -> NDArray[np.float32]:
    row = np.zeros(layout.LEAF, np.float32)
    row[layout.PROBABILITY] = leaf.probability
    if isinstance(leaf, RandomResizedCrop):
        row[layout.SIGN] = 1.0
        row[layout.SCALE : layout.SCALE + 2] = leaf.scale
        row[layout.RATIO : layout.RATIO + 2] = leaf.ratio
        return row
    info = OPERATIONS[leaf.op].info
    row[layout.LOW], row[layout.HIGH] = leaf.low, leaf.high
    row[layout.SIGN] = _SIGNS[leaf.sign or "random"] if info.signed else 1.0
    row[layout.LEAF_FILL : layout.LEAF_FILL + 3] = [value / 255.0 for value in leaf.fill_color]
    row[layout.SCALE : layout.SCALE + 2] = row[layout.RATIO : layout.RATIO + 2] = 1.0
    row[layout.WHOLE] = info.integer
    return row


@dataclass(frozen=True)
class BranchTable:
    """A `one_of`: the upper edges (b,) of its branches in [0, 1], and of each step the table of its
    leaves and the place (b,) in it of each branch, -1 where a branch is shorter.
    """

    edges: NDArray[np.float64]
    steps: list[tuple[LeafTable, NDArray[np.int64]]]


_Value = TypeVar("_Value")
#: By identity: to hash a policy of 500 branches takes longer than to run it. What is looked up is
#: kept alive here, so that its identity is its own.
_tables: OrderedDict[int, tuple[object, Any]] = OrderedDict()
_MAX_TABLES = 512


def _cached(source: object, make: Callable[[], _Value]) -> _Value:
    entry = _tables.get(id(source))
    if entry is None:
        entry = _tables[id(source)] = (source, make())
        while len(_tables) > _MAX_TABLES:
            _tables.popitem(last=False)
    value: _Value = entry[1]
    return value


def leaf_table(stage: Operation | RandomResizedCrop | Sample | Shuffle) -> LeafTable:
    """The leaves of a stage, in its order; the last few hundred tables are kept."""
    leaves = stage.of if isinstance(stage, Sample | Shuffle) else [stage]
    return _cached(stage, lambda: _compile(leaves))


def branch_table(stage: OneOf) -> BranchTable:
    """The branches of a stage; kept as leaf tables are."""
    return _cached(stage, lambda: _compile_branches(stage))


def _compile_branches(stage: OneOf) -> BranchTable:
    weights = np.array([branch.weight for branch in stage.branches])
    steps = []
    for step in range(max(len(branch.stages) for branch in stage.branches)):
        has = np.array([step < len(branch.stages) for branch in stage.branches])
        leaves = [branch.stages[step] for branch in stage.branches if step < len(branch.stages)]
        steps.append((_compile(leaves), np.where(has, np.cumsum(has) - 1, -1)))
    return BranchTable(np.cumsum(weights / weights.sum()), steps)


def _compile(leaves: Sequence[Operation | RandomResizedCrop]) -> LeafTable:
    from quarterturn.augment.sample_kernels import AFFINE  # not before it is needed

    operations = [OPERATIONS[leaf.op] for leaf in leaves]
    for one in operations:
        if one.affine is not None and one.name not in AFFINE:
            raise RuntimeError(
                f"{one.name} was registered after images were first augmented; register it before"
            )
    return LeafTable(
        op=np.array([CODES[leaf.op] for leaf in leaves]),
        parameters=np.array([_row(leaf) for leaf in leaves]).reshape(-1, layout.LEAF),
        is_affine=np.array([operation.affine is not None for operation in operations], np.bool_),
        on_values=frozenset(one.name for one in operations if one.affine is None),
        reads_noise=any(one.pixels is not None and one.pixels.reads_noise for one in operations),
        has_crop=any(leaf.op == CROP for leaf in leaves),
    )
