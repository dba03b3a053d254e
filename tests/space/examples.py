"""A space of each kind, small enough to enumerate."""

from __future__ import annotations

from typing import Any

from quarterturn.space import PRESETS, SearchSpace, parse_space
from quarterturn.space.schema import RecipesSpace

ROTATE = {"op": "rotate", "strength": {"values": [10, 20]}, "probability": {"values": [0.5, 1]}}
JITTER = {
    "op": "shuffle",
    "probability": {"values": [0, 0.8]},
    "of": [{"op": "brightness", "strength": {"min": 0, "max": 0.4}}, "grayscale"],
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "single_operation": {"operations": ["invert", ROTATE, {"op": "hue", "strength": 0.1}]},
    "rand_augment": {
        "operations": ["rotate", "invert", "posterize"],
        "count": [1, 2],
        "magnitude": {"min": 0.1, "max": 0.9},
    },
    "sub_policies": {
        "operations": ["invert", ROTATE],
        "sub_policies": 1,
        "operations_per_sub_policy": 2,
    },
    "recipes": {"operations": ["random_resized_crop", "grayscale", "brightness", "solarize"]},
    "pipeline": {"operations": [ROTATE, JITTER, "horizontal_flip"]},
}


def space_of(kind: str, **changes: Any) -> SearchSpace:
    """The small space of a kind, with changes."""
    return parse_space({"kind": kind, **DOCUMENTS[kind], **changes})


def with_draw(space: SearchSpace, draw: str) -> SearchSpace:
    """The space with strengths drawn in another way; recipes have their own."""
    if isinstance(space, RecipesSpace):
        return space
    return space.model_copy(update={"draw": draw})


#: The examples by their kind, the presets by their name; that of recipes has the name of its kind
#: and 147,456 policies.
SPACES: dict[str, SearchSpace] = {
    **{kind: space_of(kind) for kind in DOCUMENTS},
    **{name: parse_space(name) for name in PRESETS if name not in DOCUMENTS},
}
