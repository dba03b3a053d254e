"""Warnings about search spaces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.warnings import confounds
from quarterturn.space.schema import (
    RandAugmentSpace,
    RecipesSpace,
    SearchSpace,
    ShuffledOperations,
    SingleOperationSpace,
    bounds,
)


def _operations(space: SearchSpace) -> Iterator[tuple[str, float]]:
    if isinstance(space, RecipesSpace):
        yield from (
            (name, OPERATIONS[name].search_limit) for name in space.operations if name in OPERATIONS
        )
        return
    if isinstance(space, RandAugmentSpace):
        largest = bounds(space.magnitude)[1]
        for op in space.operations:
            yield op, largest * OPERATIONS[op].search_limit
        return
    for entry in space.operations:
        if bounds(entry.probability)[1] == 0:
            continue
        for item in entry.of if isinstance(entry, ShuffledOperations) else [entry]:
            if bounds(item.probability)[1] > 0 and item.op in OPERATIONS:
                yield item.op, bounds(item.strengths)[1]


def space_warnings(space: SearchSpace) -> list[dict[str, Any]]:
    """Warnings about operations that teach rotation invariance, as `policy_warnings`."""
    based = not isinstance(space, RecipesSpace) and space.base != "none"
    base = [("horizontal_flip", 0.0)] if based else []
    operations = list(_operations(space))
    if not isinstance(space, SingleOperationSpace | RecipesSpace):
        return confounds([*operations, *base])
    # No candidate has two of them, or need have, so each counts by itself.
    return [warning for operation in operations for warning in confounds([operation, *base])]
