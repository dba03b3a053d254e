"""Search spaces without operations that are excluded."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from quarterturn.errors import InvalidInputError
from quarterturn.policy.excluding import exclude_operations
from quarterturn.policy.schema import Policy
from quarterturn.space.candidates import base_stages
from quarterturn.space.schema import (
    RandAugmentSpace,
    RecipesSpace,
    SearchSpace,
    ShuffledOperations,
    SpaceOperation,
)


def _strip(
    entry: SpaceOperation | ShuffledOperations, excluded: Collection[str], removed: set[str]
) -> SpaceOperation | ShuffledOperations | None:
    if isinstance(entry, ShuffledOperations):
        inner = [item for item in entry.of if item.op not in excluded]
        removed.update(item.op for item in entry.of if item.op in excluded)
        return entry.model_copy(update={"of": inner}) if inner else None
    if entry.op in excluded:
        removed.add(entry.op)
        return None
    return entry


def strip_operations(space: SearchSpace, excluded: Collection[str]) -> tuple[list[Any], list[str]]:
    """What is left of the operations of a space, and the names of those that were in it."""
    if isinstance(space, RandAugmentSpace | RecipesSpace):
        kept: list[Any] = [name for name in space.operations if name not in excluded]
        return kept, [name for name in excluded if name in space.operations]
    removed: set[str] = set()
    entries = [_strip(entry, excluded, removed) for entry in space.operations]
    return [entry for entry in entries if entry is not None], [
        name for name in excluded if name in removed
    ]


def exclude_from_space(space: SearchSpace, excluded: Collection[str]) -> SearchSpace:
    """The space without these operations, its base too.

    Raises:
        InvalidInputError: `nothing_to_search`, nothing else is in it.
    """
    if not excluded:
        return space
    operations, removed = strip_operations(space, excluded)
    if not operations:
        raise InvalidInputError(
            f"The search space {space.name} has no operation but those that are excluded "
            f"({', '.join(removed)}). Exclude fewer, or search another space.",
            code="nothing_to_search",
            fields=[{"path": "$.exclude", "message": "nothing is left to search"}],
        )
    space = space.model_copy(update={"operations": operations}) if removed else space
    if isinstance(space, RecipesSpace):
        return space
    base = Policy(name="base", views=[base_stages(space.base)])
    stripped = exclude_operations(base, excluded)
    if stripped is base:
        return space
    return space.model_copy(update={"base": list(stripped.views[0])})
