"""Search spaces for grey images, on which operations on colors change nothing."""

from __future__ import annotations

from typing import Any

from quarterturn.policy.operations import COLOR_OPERATIONS
from quarterturn.space.schema import (
    RandAugmentSpace,
    SearchSpace,
    ShuffledOperations,
    SpaceOperation,
)


def _kept(
    entry: SpaceOperation | ShuffledOperations, removed: set[str]
) -> SpaceOperation | ShuffledOperations | None:
    if isinstance(entry, ShuffledOperations):
        inner = [item for item in entry.of if item.op not in COLOR_OPERATIONS]
        removed.update(item.op for item in entry.of if item.op in COLOR_OPERATIONS)
        return entry.model_copy(update={"of": inner}) if inner else None
    if entry.op in COLOR_OPERATIONS:
        removed.add(entry.op)
        return None
    return entry


def without_colors(space: SearchSpace) -> tuple[SearchSpace, list[dict[str, Any]]]:
    """The space without operations on colors, and what to say: each `{"code", "operation",
    "message"}`. A space of nothing else stays as it is.
    """
    removed: set[str] = set()
    operations: list[Any]
    if isinstance(space, RandAugmentSpace):
        operations = [name for name in space.operations if name not in COLOR_OPERATIONS]
        removed.update(set(space.operations) - set(operations))
    else:
        entries = [_kept(entry, removed) for entry in space.operations]
        operations = [entry for entry in entries if entry is not None]
    if not removed:
        return space, []
    if operations:
        space = space.model_copy(update={"operations": operations})
    done = "is left out of the search" if operations else "cannot tell candidates apart"
    return space, [
        {
            "code": "grey_images",
            "operation": name,
            "message": f"All images are grey, so {name} changes nothing and {done}.",
        }
        for name in COLOR_OPERATIONS
        if name in removed
    ]
