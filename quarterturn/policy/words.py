"""Policies in words."""

from __future__ import annotations

from collections.abc import Sequence

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import (
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)

_BRANCHES_SHOWN = 20
#: The unit of strengths that are best told as the factors that they make.
FACTOR = "distance of the enhancement factor from 1"


def _chance(probability: float) -> str:
    return "" if probability >= 1 else f" with probability {probability:g}"


def _factor(leaf: Operation, sign: str, amount: str) -> str:
    """The range of factors where all of it is drawn, else the distance from 1."""
    if leaf.low == 0 and sign == "±":
        return f" factor {1 - leaf.high:g}-{1 + leaf.high:g}"
    return f" factor 1 {sign} {amount}"


def _leaf(leaf: Operation | RandomResizedCrop) -> str:
    if leaf.probability == 0:
        return "nothing"  # a draw that leaves the picture as it is
    if isinstance(leaf, RandomResizedCrop):
        low, high = leaf.scale
        return f"random_resized_crop to {low:g}-{high:g} of the area{_chance(leaf.probability)}"
    info = OPERATIONS[leaf.op]
    text: str = leaf.op
    if info.has_strength:
        amount = f"{leaf.low:g}" if leaf.low == leaf.high else f"{leaf.low:g}-{leaf.high:g}"
        sign = {"positive": "+", "negative": "-"}.get(leaf.sign or "random", "±")
        if info.unit == FACTOR:
            text += _factor(leaf, sign, amount)
        else:
            text += f" {sign if info.signed else ''}{amount} ({info.unit})"
    return text + _chance(leaf.probability)


def _stage(stage: Stage) -> list[str]:
    if isinstance(stage, OneOf):
        lines = [f"one of {len(stage.branches)} sub-policies{_chance(stage.probability)}:"]
        for branch in stage.branches[:_BRANCHES_SHOWN]:
            lines.append(
                "  - " + (", then ".join(_leaf(leaf) for leaf in branch.stages) or "nothing")
            )
        if len(stage.branches) > _BRANCHES_SHOWN:
            lines.append(f"  - and {len(stage.branches) - _BRANCHES_SHOWN} more")
        return lines
    if isinstance(stage, Sample):
        how = "with" if stage.replace else "without"
        head = f"{stage.count} drawn {how} replacement{_chance(stage.probability)} from:"
        return [head, *(f"  - {_leaf(leaf)}" for leaf in stage.of)]
    if isinstance(stage, Shuffle):
        head = f"in random order{_chance(stage.probability)}:"
        return [head, *(f"  - {_leaf(leaf)}" for leaf in stage.of)]
    return [_leaf(stage)]


def _view(stages: Sequence[Stage]) -> list[str]:
    if not stages:
        return ["  nothing: the image itself"]
    return [f"  {line}" for stage in stages for line in _stage(stage)]


def describe(policy: Policy) -> list[str]:
    """What the policy does, line by line."""
    if len(policy.views) == 1:
        return ["both views:", *_view(policy.views[0])]
    return ["first view:", *_view(policy.views[0]), "second view:", *_view(policy.views[1])]
