"""How often a policy applies each operation, and how strongly, in expectation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Share:
    """The use of one operation in a view.

    Attributes:
        rate: expected number of applications to a picture; above 1 where it may come twice.
        strength: mean strength of an application, in the operation's unit; None without strength.
        strongest: the largest strength that can be drawn; None without strength.
    """

    rate: float
    strength: float | None = None
    strongest: float | None = None


def _uses(stages: Iterable[Stage], chance: float) -> Iterator[tuple[Stage, float]]:
    for stage in stages:
        applied = chance * stage.probability
        if isinstance(stage, OneOf):
            total = sum(branch.weight for branch in stage.branches)
            for branch in stage.branches:
                yield from _uses(branch.stages, applied * branch.weight / total)
        elif isinstance(stage, Sample):
            yield from _uses(stage.of, applied * stage.count / len(stage.of))
        elif isinstance(stage, Shuffle):
            yield from _uses(stage.of, applied)
        else:
            yield stage, applied


def shares_of(policy: Policy) -> dict[str, Share]:
    """The share of each operation that is applied at all, the mean of both views.

    Ordered as OPERATIONS, the crop first.
    """
    rates: dict[str, float] = {}
    totals: dict[str, float] = {}
    strongest: dict[str, float] = {}
    for index in range(2):
        for stage, rate in _uses(policy.view(index), 0.5):
            if rate <= 0.0:
                continue
            rates[stage.op] = rates.get(stage.op, 0.0) + rate
            if isinstance(stage, Operation):
                middle = (stage.low + stage.high) / 2.0
                totals[stage.op] = totals.get(stage.op, 0.0) + rate * middle
                strongest[stage.op] = max(strongest.get(stage.op, 0.0), stage.high)
            else:
                assert isinstance(stage, RandomResizedCrop)
    found = {}
    for name in ("random_resized_crop", *OPERATIONS):
        if name not in rates:
            continue
        if name in OPERATIONS and OPERATIONS[name].has_strength:
            found[name] = Share(rates[name], totals[name] / rates[name], strongest[name])
        else:
            found[name] = Share(rates[name])
    return found
