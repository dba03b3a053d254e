"""A policy's stages compiled to slots: tables of leaves, of which each image draws one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import OneOf, Operation, RandomResizedCrop, Sample, Shuffle

CROP = "random_resized_crop"
#: What an image may get in a step of a program; 0 is nothing.
CODES = {name: code for code, name in enumerate(("nothing", "resample", CROP, *OPERATIONS))}
#: Those of them that a program has: other geometric operations are parts of resamplings.
EXECUTED = tuple(
    name
    for name in CODES
    if name in ("resample", "horizontal_flip", "vertical_flip")
    or (name in OPERATIONS and not OPERATIONS[name].geometric)
)
_SIGNS = {"random": 0.0, "positive": 1.0, "negative": -1.0}


@dataclass(frozen=True)
class LeafTable:
    """The parameters of t leaves.

    op is int64 (t,); parameters is float32 (t, 12): probability, low, high, sign (0 random),
    fill (3), crop scale (2), crop ratio (2), whether the strength is a whole number. The names are
    those of the operations in the table.
    """

    op: NDArray[np.int64]
    parameters: NDArray[np.float32]
    is_geometric: NDArray[np.bool_]
    """(t,), which are: they move pixels."""
    geometric: tuple[str, ...]
    others: tuple[str, ...]
    has_whole: bool
    """Whether a strength is a whole number."""
    has_coin: bool
    """Whether a direction is drawn."""


def _row(leaf: Operation | RandomResizedCrop) -> list[float]:
    if isinstance(leaf, RandomResizedCrop):
        return [leaf.probability, 0, 0, 1, 0, 0, 0, *leaf.scale, *leaf.ratio, 0]
    info = OPERATIONS[leaf.op]
    sign = _SIGNS[leaf.sign or "random"] if info.signed else 1.0
    fill = [channel / 255.0 for channel in leaf.fill_color]
    return [leaf.probability, leaf.low, leaf.high, sign, *fill, 1, 1, 1, 1, info.integer]


@dataclass(frozen=True)
class BranchTable:
    """A `one_of`: the upper edges (b,) of its branches in [0, 1], and of each slot the table of its
    leaves and the place (b,) in it of each branch, -1 where a branch is shorter.
    """

    edges: NDArray[np.float64]
    slots: list[tuple[LeafTable, NDArray[np.int64]]]


_Made = TypeVar("_Made")
#: By identity: to hash a policy of 500 branches takes longer than to run it. What is looked up is
#: kept alive here, so that its identity is its own.
_kept: OrderedDict[int, tuple[object, Any]] = OrderedDict()
_KEPT = 512


def _once(source: object, make: Callable[[], _Made]) -> _Made:
    found = _kept.get(id(source))
    if found is None:
        found = _kept[id(source)] = (source, make())
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    made: _Made = found[1]
    return made


def leaf_table(stage: Operation | RandomResizedCrop | Sample | Shuffle) -> LeafTable:
    """The leaves of a stage, in its order; the last few hundred tables are kept."""
    leaves = stage.of if isinstance(stage, Sample | Shuffle) else [stage]
    return _once(stage, lambda: _compiled(leaves))


def branch_table(stage: OneOf) -> BranchTable:
    """The branches of a stage; kept as leaf tables are."""
    return _once(stage, lambda: _compiled_branches(stage))


def _compiled_branches(stage: OneOf) -> BranchTable:
    weights = np.array([branch.weight for branch in stage.branches])
    slots = []
    for slot in range(max(len(branch.stages) for branch in stage.branches)):
        has = np.array([slot < len(branch.stages) for branch in stage.branches])
        leaves = [branch.stages[slot] for branch in stage.branches if slot < len(branch.stages)]
        slots.append((_compiled(leaves), np.where(has, np.cumsum(has) - 1, -1)))
    return BranchTable(np.cumsum(weights / weights.sum()), slots)


def _compiled(leaves: Sequence[Operation | RandomResizedCrop]) -> LeafTable:
    names = sorted({leaf.op for leaf in leaves}, key=CODES.__getitem__)
    moving = {name for name in names if name == CROP or OPERATIONS[name].geometric}
    parameters = np.array([_row(leaf) for leaf in leaves], np.float32)
    return LeafTable(
        op=np.array([CODES[leaf.op] for leaf in leaves]),
        parameters=parameters,
        is_geometric=np.array([leaf.op in moving for leaf in leaves], np.bool_),
        geometric=tuple(name for name in names if name in moving),
        others=tuple(name for name in names if name not in moving),
        has_whole=bool((parameters[:, 11] > 0).any()),
        has_coin=bool((parameters[:, 3] == 0).any()),
    )
