"""Warnings about policies whose rotation accuracy cannot be taken at face value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from quarterturn.policy.leaves import leaves
from quarterturn.policy.schema import (
    Operation,
    Policy,
    Stage,
)

#: Above this angle a rotated view starts to look like the neighbouring quarter turn.
LARGE_ROTATION_DEGREES = 45.0

_CONFOUNDED = (
    "teaches the encoder to ignore rotation, which is what the score measures; its rotation "
    "accuracy is confounded and may understate (never prove) its value"
)


def operations_of(stages: Iterable[Stage]) -> Iterator[Operation]:
    """Every operation of a view that can be applied at all, groups unfolded; crops are left out."""
    return (leaf for leaf in leaves(stages) if isinstance(leaf, Operation))


def confounds(operations: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    """Warnings for operations, each a name and its largest strength."""
    strongest: dict[str, float] = {}
    for name, strength in operations:
        strongest[name] = max(strength, strongest.get(name, 0.0))
    found = []
    if "rotate90" in strongest:
        found.append(("rotate90", f"rotate90 {_CONFOUNDED}."))
    if strongest.get("rotate", 0.0) > LARGE_ROTATION_DEGREES:
        found.append(("rotate", f"rotate by up to {strongest['rotate']:g} degrees {_CONFOUNDED}."))
    if {"horizontal_flip", "vertical_flip"} <= strongest.keys():
        found.append(
            ("vertical_flip", f"both flips together are a half turn, which {_CONFOUNDED}.")
        )
    return [
        {"code": "rotation_confounded", "operation": name, "message": message}
        for name, message in found
    ]


def policy_warnings(policy: Policy) -> list[dict[str, Any]]:
    """The warnings of a policy, each `{"code", "operation", "message"}`."""
    # All views count together: a mirrored and an upside-down view differ by a half turn.
    return confounds((item.op, item.high) for view in policy.views for item in operations_of(view))
