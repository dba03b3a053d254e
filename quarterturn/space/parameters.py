"""Search spaces as flat lists of dimensions, for samplers that learn (TPE, evolution).

A dimension is a choice among a few, or the unit interval, which is mapped to the range of the
operation that it turns out to belong to (as SelfAugment's levels are).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from quarterturn.policy.schema import Policy
from quarterturn.space import candidates as build_from
from quarterturn.space.recipes import build_recipe, open_slots
from quarterturn.space.schema import (
    BasedSpace,
    Domain,
    Grid,
    PipelineSpace,
    RandAugmentSpace,
    Range,
    RecipesSpace,
    SearchSpace,
    ShuffledOperations,
    SingleOperationSpace,
    SpaceOperation,
    SubPolicySpace,
)

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Dimension:
    """`choices` is the number of choices, 0 for the unit interval."""

    name: str
    choices: int = 0

    def draw(self, generator: random.Random) -> int | float:
        """A value, uniformly."""
        if self.choices:
            return generator.randrange(self.choices)
        return round(generator.random(), 4)


def _of_domain(name: str, domain: Domain) -> list[Dimension]:
    if isinstance(domain, Grid):
        return [Dimension(name, len(domain.values))] if len(domain.values) > 1 else []
    if isinstance(domain, Range) and domain.min < domain.max:
        return [Dimension(name)]
    return []


def _of_operation(prefix: str, operation: SpaceOperation) -> list[Dimension]:
    found = _of_domain(f"{prefix}.probability", operation.probability)
    if build_from.has_strength(operation):
        found += _of_domain(f"{prefix}.strength", operation.strengths)
    return found


def _slots(space: SingleOperationSpace | SubPolicySpace) -> list[str]:
    if isinstance(space, SingleOperationSpace):
        return ["0"]
    return [
        f"{sub}.{place}"
        for sub in range(space.sub_policies)
        for place in range(space.operations_per_sub_policy)
    ]


def dimensions(space: SearchSpace) -> list[Dimension]:
    """All dimensions of a space; what has only one value is none."""
    if isinstance(space, RecipesSpace):
        return [Dimension(slot.name, 1 + len(slot.levels)) for slot in open_slots(space)]
    if isinstance(space, RandAugmentSpace):
        counts = [Dimension("count", len(space.count))] if len(space.count) > 1 else []
        return counts + _of_domain("magnitude", space.magnitude)
    if isinstance(space, PipelineSpace):
        found: list[Dimension] = []
        for place, entry in enumerate(space.operations):
            if isinstance(entry, ShuffledOperations):
                found += _of_domain(f"{place}.probability", entry.probability)
                for inner, operation in enumerate(entry.of):
                    found += _of_operation(f"{place}.{inner}", operation)
            else:
                found += _of_operation(str(place), entry)
        return found
    found = []
    for slot in _slots(space):
        if len(space.operations) > 1:
            found.append(Dimension(f"{slot}.op", len(space.operations)))
        found += [Dimension(f"{slot}.probability"), Dimension(f"{slot}.strength")]
    return found


def _at(domain: Domain, value: int | float | None) -> float:
    """The number of a domain that a parameter stands for."""
    if isinstance(domain, Range):
        if value is None:
            return domain.max
        number = round(domain.min + float(value) * (domain.max - domain.min), 4)
        return min(max(number, domain.min), domain.max)
    if isinstance(domain, Grid):
        if value is None:
            return domain.values[0]
        index = value if isinstance(value, int) else int(value * len(domain.values))
        return domain.values[min(index, len(domain.values) - 1)]
    return domain


def _operation(
    space: BasedSpace, operation: SpaceOperation, prefix: str, parameters: Parameters
) -> dict[str, Any]:
    def number(domain: Domain) -> float:
        # Probability is asked for first, then strength.
        return _at(domain, parameters.get(f"{prefix}.{next(parts)}"))

    parts = iter(("probability", "strength"))
    return build_from.chosen(operation, number, space.draw)


def build(space: SearchSpace, parameters: Parameters, name: str) -> Policy:
    """The policy that parameters stand for."""
    if isinstance(space, RecipesSpace):
        levels = {
            slot.name: (None, *slot.levels)[int(parameters.get(slot.name, 0))]
            for slot in open_slots(space)
        }
        return build_recipe(space, levels)
    if isinstance(space, RandAugmentSpace):
        count = space.count[parameters.get("count", 0)]
        magnitude = _at(space.magnitude, parameters.get("magnitude"))
        return build_from.rand_augment(space, count, magnitude)
    if isinstance(space, PipelineSpace):
        stages: list[dict[str, Any]] = []
        for place, entry in enumerate(space.operations):
            if isinstance(entry, ShuffledOperations):
                probability = _at(entry.probability, parameters.get(f"{place}.probability"))
                inner = [
                    _operation(space, operation, f"{place}.{number}", parameters)
                    for number, operation in enumerate(entry.of)
                ]
                stages.append({"op": "shuffle", "probability": probability, "of": inner})
            else:
                stages.append(_operation(space, entry, str(place), parameters))
        return build_from.policy(space, [s for s in stages if s["probability"] > 0], name)
    built = []
    for slot in _slots(space):
        operation = space.operations[parameters.get(f"{slot}.op", 0)]
        built.append(_operation(space, operation, slot, parameters))
    if isinstance(space, SingleOperationSpace):
        return build_from.policy(space, built, name)
    per = space.operations_per_sub_policy
    branches = [{"stages": built[at : at + per]} for at in range(0, len(built), per)]
    return build_from.policy(space, [{"op": "one_of", "branches": branches}], name)
