"""Stages in the words of other libraries: factors, thresholds, bits kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quarterturn.errors import InvalidInputError

Stage = dict[str, Any]
_JITTER = ("brightness", "contrast", "saturation", "hue")


def refuse(library: str, what: str, why: str) -> InvalidInputError:
    """What to raise for a part that no operation of policies is."""
    return InvalidInputError(
        f"{what} of {library} cannot be imported: {why}. Leave it out of the recipe, or write the "
        "policy by hand; see docs/policy.md.",
        code="import_not_possible",
        fields=[{"path": what, "message": why}],
    )


def leaf(op: str, probability: float = 1.0, **fields: Any) -> Stage:
    """A stage; a probability of 1 is left out, as it is in documents."""
    chance = {} if probability >= 1.0 else {"probability": probability}
    return {"op": op, **chance, **{k: v for k, v in fields.items() if v is not None}}


def crop(scale: Sequence[float], ratio: Sequence[float] = (3 / 4, 4 / 3)) -> Stage:
    """A crop that is always applied."""
    return leaf("random_resized_crop", scale=list(scale), ratio=list(ratio))


def factor_leaf(name: str, low: float, high: float) -> Stage | None:
    """An enhancement by a factor in [low, high], or a turn of the hue; None if it does nothing.

    Raises:
        ValueError: the range is not symmetric about the identity, nor on one side of it.
    """
    center = 0.0 if name == "hue" else 1.0
    below, above = center - low, high - center
    if abs(below) < 1e-9 and abs(above) < 1e-9:
        return None
    if abs(below - above) < 1e-6:
        return leaf(name, strength=[0.0, round(above, 9)], sign="random")
    if below <= 1e-9:
        return leaf(name, strength=[round(max(-below, 0.0), 9), round(above, 9)], sign="positive")
    if above <= 1e-9:
        return leaf(name, strength=[round(max(-above, 0.0), 9), round(below, 9)], sign="negative")
    raise ValueError(f"its range {low:g} to {high:g} lies on both sides of the identity, unevenly")


def jitter(ranges: dict[str, Sequence[float] | None], probability: float) -> list[Stage]:
    """A color jitter by factors, in random order."""
    of = [
        made
        for name in _JITTER
        if (ends := ranges.get(name)) is not None
        if (made := factor_leaf(name, float(ends[0]), float(ends[1]))) is not None
    ]
    if not of or probability <= 0:
        return []
    if len(of) == 1:
        return [leaf(of[0].pop("op"), probability, **of[0])]
    return [leaf("shuffle", probability, of=of)]


def solarize(threshold: float, probability: float) -> Stage:
    """Values from `threshold`, in 0 to 1 of the value range, are inverted."""
    return leaf("solarize", probability, strength=round(min(1.0, max(0.0, 1.0 - threshold)), 6))
