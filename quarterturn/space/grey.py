"""Search spaces for grey images, on which operations on colors change nothing."""

from __future__ import annotations

from typing import Any

from quarterturn.policy.operations import COLOR_OPERATIONS
from quarterturn.space.excluding import strip_operations
from quarterturn.space.schema import SearchSpace


def without_colors(space: SearchSpace) -> tuple[SearchSpace, list[dict[str, Any]]]:
    """The space without operations on colors, and what to say: each `{"code", "operation",
    "message"}`. A space of nothing else stays as it is.
    """
    operations, removed = strip_operations(space, COLOR_OPERATIONS)
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
        for name in removed
    ]
