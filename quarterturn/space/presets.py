"""The search spaces that come with the product."""

from __future__ import annotations

from typing import Any

from quarterturn.errors import InvalidInputError
from quarterturn.policy.operations import SELFAUGMENT_OPERATIONS
from quarterturn.policy.slots import SLOTS
from quarterturn.space.schema import SCHEMA_VERSION, SearchSpace, SearchSpaceDocument
from quarterturn.validation import parse

_SINGLE: list[dict[str, Any]] = [
    {"op": "random_resized_crop", "strength": 0.8},
    *({"op": op} for op in SELFAUGMENT_OPERATIONS),
]

#: Whatever strength a preset leaves out has the full range of the operation.
PRESETS: dict[str, dict[str, Any]] = {
    "recipes": {
        "kind": "recipes",
        "name": "recipes",
        "operations": sorted({name for slot in SLOTS for name in slot.operations}),
    },
    "single-operation": {
        "kind": "single_operation",
        "name": "single-operation",
        "operations": _SINGLE,
    },
    "rand-augment": {
        "kind": "rand_augment",
        "name": "rand-augment",
        "operations": list(SELFAUGMENT_OPERATIONS),
        "count": [1, 2, 3],
        "magnitude": {"values": [0.1, 0.2, 0.3, 0.45, 0.6]},
    },
    "selfaugment": {
        "kind": "sub_policies",
        "name": "selfaugment",
        "operations": [
            {"op": op, "probability": {"min": 0.0, "max": 1.0}} for op in SELFAUGMENT_OPERATIONS
        ],
        "sub_policies": 5,
        "operations_per_sub_policy": 2,
    },
    "photometric": {
        "kind": "pipeline",
        "name": "photometric",
        "operations": [
            {"op": "random_resized_crop", "strength": {"values": [0.5, 0.8, 0.92]}},
            {"op": "horizontal_flip", "probability": 0.5},
            {
                "op": "shuffle",
                "probability": 0.8,
                "of": [
                    {"op": "brightness", "strength": {"values": [0.2, 0.4, 0.8]}},
                    {"op": "contrast", "strength": {"values": [0.2, 0.4, 0.8]}},
                    {"op": "saturation", "strength": {"values": [0.2, 0.4, 0.8]}},
                    {"op": "hue", "strength": {"values": [0.0, 0.1, 0.2]}},
                ],
            },
            {"op": "grayscale", "probability": {"values": [0.0, 0.2]}},
            {"op": "solarize", "probability": {"values": [0.0, 0.2]}, "strength": 0.5},
            {"op": "gaussian_blur", "probability": {"values": [0.0, 0.5]}, "strength": 2.0},
            {"op": "cutout", "probability": {"values": [0.0, 0.5]}, "strength": 0.4},
        ],
    },
}


def parse_space(document: Any) -> SearchSpace:
    """Validate a search space: the name of a preset, or a document.

    Raises:
        InvalidInputError: code `invalid_search_space`, naming the JSON path and allowed values.
    """
    if isinstance(document, str):
        if document not in PRESETS:
            allowed = ", ".join(PRESETS)
            raise InvalidInputError(
                f"There is no preset {document!r}; choose one of {allowed}, or send a space.",
                code="invalid_search_space",
                fields=[{"path": "$", "message": f"one of {allowed}", "allowed": list(PRESETS)}],
            )
        document = PRESETS[document]
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InvalidInputError(
            f"This search space has schema version {version}, and this release reads up to "
            f"version {SCHEMA_VERSION}. Upgrade quarterturn to use it.",
            code="search_space_too_new",
            fields=[{"path": "$.schema_version", "message": f"at most {SCHEMA_VERSION}"}],
        )
    try:
        return parse(
            SearchSpaceDocument, {"space": document}, code="invalid_search_space", what="space"
        ).space
    except InvalidInputError as error:
        for field in error.fields:
            field["path"] = field["path"].replace("$.space", "$", 1)
        error.message = error.message.replace("$.space", "$", 1)
        raise
