"""Candidates of a search space: drawn at random, enumerated, counted."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.recipes import crop, flip
from quarterturn.policy.schema import Policy, Stage
from quarterturn.space.recipes import count_recipes, draw_recipe, enumerate_recipes
from quarterturn.space.schema import (
    Base,
    BasedSpace,
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

Number = Callable[[float | Range | Grid], float]


def replay(chosen: Iterable[float]) -> Number:
    """Answers with the chosen numbers, one after the other, whatever the domain."""
    numbers = iter(chosen)
    return lambda _: next(numbers)


def _stage(
    operation: SpaceOperation, probability: float, strength: float, draw: str
) -> dict[str, Any]:
    if operation.op == "random_resized_crop":
        return {
            "op": operation.op,
            "probability": probability,
            "scale": [round(1.0 - strength, 6), 1.0],
        }
    info = OPERATIONS[operation.op]
    stage: dict[str, Any] = {"op": operation.op, "probability": probability}
    if info.has_strength:
        high = float(round(strength)) if info.integer else strength
        stage["strength"] = [high if draw == "fixed" else 0.0, high]
        if info.signed:
            stage["sign"] = "random"
    return stage


def has_strength(operation: SpaceOperation) -> bool:
    """Whether a strength belongs to the operation; a crop has one."""
    return operation.op not in OPERATIONS or OPERATIONS[operation.op].has_strength


def chosen(operation: SpaceOperation, number: Number, draw: str) -> dict[str, Any]:
    """The stage of an operation; `number` picks its probability, then its strength."""
    probability = number(operation.probability)
    strength = number(operation.strengths) if has_strength(operation) else 0.0
    return _stage(operation, probability, strength, draw)


def base_stages(base: Base) -> list[Stage]:
    """What is applied after the searched part of a candidate."""
    if isinstance(base, list):
        return base
    named: dict[str, list[Stage]] = {"none": [], "flip": [flip()], "crop_flip": [crop(), flip()]}
    return named[base]


def policy(space: BasedSpace, stages: list[dict[str, Any]], name: str) -> Policy:
    """A candidate: the stages, then the base of the space."""
    base = [stage.model_dump() for stage in base_stages(space.base)]
    return Policy.model_validate({"name": name, "views": [[*stages, *base]]})


def rand_augment(space: RandAugmentSpace, count: int, magnitude: float) -> Policy:
    """A candidate of a RandAugment space; `magnitude` is a fraction in [0, 1]."""
    operations = [
        _stage(SpaceOperation(op=op), 1.0, magnitude * OPERATIONS[op].search_limit, space.draw)
        for op in space.operations
    ]
    stages = [{"op": "sample", "count": count, "of": operations}]
    return policy(space, stages, f"rand_augment N={count} strength={magnitude:g}")


def _pipeline(space: PipelineSpace, number: Number) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = []
    for entry in space.operations:
        if isinstance(entry, ShuffledOperations):
            probability = number(entry.probability)
            inner = [chosen(item, number, space.draw) for item in entry.of]
            stages.append({"op": "shuffle", "probability": probability, "of": inner})
        else:
            stages.append(chosen(entry, number, space.draw))
    return [stage for stage in stages if stage["probability"] > 0]


def draw_candidate(space: SearchSpace, generator: random.Random, name: str) -> Policy:
    """One candidate, drawn uniformly from the space."""

    def number(domain: float | Range | Grid) -> float:
        if isinstance(domain, Range):
            drawn = round(generator.uniform(domain.min, domain.max), 4)
            return min(max(drawn, domain.min), domain.max)
        return generator.choice(domain.values) if isinstance(domain, Grid) else domain

    if isinstance(space, RecipesSpace):
        return draw_recipe(space, generator)
    if isinstance(space, SingleOperationSpace):
        operation = generator.choice(space.operations)
        return policy(space, [chosen(operation, number, space.draw)], operation.op)
    if isinstance(space, RandAugmentSpace):
        return rand_augment(space, generator.choice(space.count), number(space.magnitude))
    if isinstance(space, SubPolicySpace):
        branches = [
            {
                "stages": [
                    chosen(generator.choice(space.operations), number, space.draw)
                    for _ in range(space.operations_per_sub_policy)
                ]
            }
            for _ in range(space.sub_policies)
        ]
        return policy(space, [{"op": "one_of", "branches": branches}], name)
    return policy(space, _pipeline(space, number), name)


def grid_points(domain: float | Range | Grid, points: int) -> list[float]:
    """The values of a domain on a grid of `points`."""
    if isinstance(domain, Grid):
        return list(domain.values)
    if isinstance(domain, Range):
        if points == 1 or domain.min == domain.max:
            return [domain.max]
        step = (domain.max - domain.min) / (points - 1)
        return [round(domain.min + i * step, 6) for i in range(points)]
    return [domain]


def _operation_domains(operation: SpaceOperation) -> list[float | Range | Grid]:
    return [operation.probability, *([operation.strengths] if has_strength(operation) else [])]


def _pipeline_domains(space: PipelineSpace) -> list[float | Range | Grid]:
    domains: list[float | Range | Grid] = []
    for entry in space.operations:
        if isinstance(entry, ShuffledOperations):
            domains.append(entry.probability)
            for item in entry.of:
                domains.extend(_operation_domains(item))
        else:
            domains.extend(_operation_domains(entry))
    return domains


def enumerate_candidates(space: SearchSpace, points: int) -> Iterator[Policy]:
    """Every candidate of the grid, ranges being cut into `points` values, in a fixed order."""
    if isinstance(space, RecipesSpace):
        yield from enumerate_recipes(space)
    elif isinstance(space, SingleOperationSpace):
        for operation in space.operations:
            for numbers in itertools.product(
                *(grid_points(domain, points) for domain in _operation_domains(operation))
            ):
                stage = chosen(operation, replay(numbers), space.draw)
                yield policy(space, [stage], operation.op)
    elif isinstance(space, RandAugmentSpace):
        for count in space.count:
            for magnitude in grid_points(space.magnitude, points):
                yield rand_augment(space, count, magnitude)
    elif isinstance(space, PipelineSpace):
        domains = [grid_points(domain, points) for domain in _pipeline_domains(space)]
        for index, numbers in enumerate(itertools.product(*domains)):
            yield policy(space, _pipeline(space, replay(numbers)), f"{space.name} {index + 1}")
    else:
        options = [
            chosen(operation, replay(numbers), space.draw)
            for operation in space.operations
            for numbers in itertools.product(
                *(grid_points(domain, points) for domain in _operation_domains(operation))
            )
        ]
        size = space.sub_policies * space.operations_per_sub_policy
        per = space.operations_per_sub_policy
        for index, chosen_options in enumerate(itertools.product(options, repeat=size)):
            branches = [
                {"stages": list(chosen_options[at : at + per])} for at in range(0, size, per)
            ]
            yield policy(
                space, [{"op": "one_of", "branches": branches}], f"{space.name} {index + 1}"
            )


def count_candidates(space: SearchSpace, points: int | None = None) -> int | None:
    """How many candidates there are; None if infinitely many: a range and no `points` to cut it."""

    def size(domain: float | Range | Grid) -> float:
        if isinstance(domain, Range) and points is None and domain.min < domain.max:
            return math.inf
        return len(grid_points(domain, points or 1))

    if isinstance(space, RecipesSpace):
        return count_recipes(space)
    if isinstance(space, RandAugmentSpace):
        total = len(space.count) * size(space.magnitude)
    elif isinstance(space, PipelineSpace):
        total = math.prod(size(domain) for domain in _pipeline_domains(space))
    else:
        total = sum(
            math.prod(size(domain) for domain in _operation_domains(operation))
            for operation in space.operations
        )
        if isinstance(space, SubPolicySpace):
            total = total ** (space.sub_policies * space.operations_per_sub_policy)
    # Only infinity is a float here; math.isinf fails on whole numbers beyond 1e308.
    return int(total) if isinstance(total, int) else None
