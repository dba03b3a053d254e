"""List, random, grid, base augmentation, SelfRandAugment: every candidate at full length."""

from __future__ import annotations

from functools import lru_cache

from quarterturn.search.history import SEARCH, Candidate, TrialRequest, Wanted
from quarterturn.search.incumbent import baselines, candidate_of
from quarterturn.search.proposals.source import drawn, grid
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategy import (
    BaseAugmentationStrategy,
    GridStrategy,
    ListStrategy,
    RandomStrategy,
    SelfRandAugmentStrategy,
)
from quarterturn.space.schema import SingleOperationSpace

FlatStrategy = (
    ListStrategy
    | RandomStrategy
    | GridStrategy
    | BaseAugmentationStrategy
    | SelfRandAugmentStrategy
)


def distinct(candidates: list[Candidate]) -> list[Candidate]:
    """Without repeats; the first of equal policies stays."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.key, candidate)
    return list(found.values())


def split_evenly(count: int, parts: int) -> list[int]:
    """Sizes of the generations of `count` candidates, as even as can be, the first the largest."""
    return [count // parts + (index < count % parts) for index in range(parts)]


def single_operations(spec: SearchSpec, space: SingleOperationSpace) -> list[Candidate]:
    """Each operation of the space alone, at the top of its ranges; baselines keep their name."""
    return distinct([candidate_of(c.policy, "base", spec) for c in grid(space, 1)])


def candidates_of(spec: SearchSpec) -> list[Candidate]:
    """The baselines and the searched candidates of a spec, distinct, in a fixed order.

    Raises:
        InvalidInputError: `too_many_candidates`, for a grid that is too fine.
    """
    return list(_candidates(spec.model_dump_json()))


@lru_cache(maxsize=32)
def _candidates(document: str) -> tuple[Candidate, ...]:
    """Planning asks for them after every trial, and drawing thousands takes seconds."""
    spec = SearchSpec.model_validate_json(document)
    strategy = spec.strategy
    if isinstance(strategy, ListStrategy):
        searched = [Candidate.of(policy, "search") for policy in strategy.candidates]
    elif isinstance(strategy, BaseAugmentationStrategy):
        searched = grid(spec.search_space, 1)
    elif isinstance(strategy, GridStrategy | SelfRandAugmentStrategy):
        searched = grid(spec.search_space, strategy.points)
    else:
        assert isinstance(strategy, RandomStrategy), strategy
        searched = drawn(spec, strategy.candidates)
    return tuple(distinct([*baselines(spec), *searched]))


def repeated(
    candidates: list[Candidate], first_seed: int, seeds: int, iterations: int, task: str = SEARCH
) -> list[TrialRequest]:
    """Every candidate with every seed. Seeds come one after the other, so that a search cut short
    has every candidate measured equally often, or nearly so.
    """
    return [
        TrialRequest(candidate, first_seed + repetition, iterations, task=task, schedule=iterations)
        for repetition in range(seeds)
        for candidate in candidates
    ]


def wanted(spec: SearchSpec) -> Wanted:
    """All trials wanted."""
    return Wanted(repeated(candidates_of(spec), spec.seed, spec.seeds, spec.iterations), True)
