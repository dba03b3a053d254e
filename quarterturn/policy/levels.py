"""Conversion from the papers' ambiguous "level" to real strengths.

SelfAugment: value = level * (high - low) + low, with level in [0, 1] (public code,
`get_faa_transforms`). For solarize and posterize level 1 is the identity; for the enhancement
operations level 0.5 is; for the mirrored ones strength is |2 * level - 1|.
RandAugment: M in 0..30, taken here as the fraction M / 30 of the largest strength, which is
monotone; the package the authors used is not.
"""

from __future__ import annotations

import math

from quarterturn.errors import InvalidInputError
from quarterturn.policy.operations import OPERATIONS, SELFAUGMENT_OPERATIONS
from quarterturn.policy.schema import Operation, Sign

RANDAUGMENT_MAXIMUM = 30
_MIRRORED = {
    "shear_x": 0.3,
    "shear_y": 0.3,
    "translate_x": 0.45,
    "translate_y": 0.45,
    "rotate": 30.0,
}
_FACTORS = ("contrast", "saturation", "brightness", "sharpness")


def strength_from_level(op: str, level: float) -> tuple[float | None, Sign | None]:
    """SelfAugment's level in [0, 1] as (strength, sign) in the unit of the operation."""
    if op not in SELFAUGMENT_OPERATIONS or not 0.0 <= level <= 1.0:
        raise InvalidInputError(
            f"A level is a number in [0, 1] of one of {', '.join(SELFAUGMENT_OPERATIONS)}.",
            code="invalid_level",
        )
    if op in _MIRRORED:
        return abs(2.0 * level - 1.0) * _MIRRORED[op], "random"
    if op == "solarize":
        return 1.0 - level, None
    if op == "posterize":
        return float(8 - math.floor(level * 4.0 + 4.0)), None
    if op in _FACTORS:
        distance = level * 1.8 + 0.1 - 1.0
        return abs(distance), "positive" if distance >= 0 else "negative"
    if op == "cutout":
        return level * 0.2, None
    return None, None


def operation_from_level(op: str, probability: float, level: float) -> Operation:
    """SelfAugment's triple (operation, probability, level) as an operation."""
    strength, sign = strength_from_level(op, level)
    return Operation.model_validate(
        {"op": op, "probability": probability, "strength": strength, "sign": sign}
    )


def operation_at(op: str, fraction: float, *, probability: float = 1.0) -> Operation:
    """An operation at a fraction in [0, 1] of its largest searched strength, sign at random."""
    info = OPERATIONS[op]
    strength = fraction * info.search_limit if info.has_strength else None
    if strength is not None and info.integer:
        strength = float(round(strength))
    return Operation.model_validate(
        {
            "op": op,
            "probability": probability,
            "strength": strength,
            "sign": "random" if info.signed else None,
        }
    )
