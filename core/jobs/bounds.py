"""How large a search may be, told from what was asked for, before anything of it is planned."""

from __future__ import annotations

from collections.abc import Iterable

from core.settings import Settings
from quarterturn.errors import InvalidInputError
from quarterturn.search.history import TrialRequest
from quarterturn.search.proposals.source import MOST_CANDIDATES, MOST_GRID
from quarterturn.search.spec import SearchSpec, search_stage
from quarterturn.search.strategy import (
    AshaStrategy,
    DensityMatchingStrategy,
    GridStrategy,
    ListStrategy,
    RandomStrategy,
    SelfRandAugmentStrategy,
    SuccessiveHalvingStrategy,
)
from quarterturn.space import count_candidates
from quarterturn.space.schema import (
    PipelineSpace,
    RandAugmentSpace,
    RecipesSpace,
    SearchSpace,
    ShuffledOperations,
    SubPolicySpace,
)

#: TPE learns from all candidates before each: a search with more than so many costs more for each.
TPE_CANDIDATES = 100


def operations_of(space: SearchSpace) -> int:
    """Operations of one candidate of a space, its base included."""
    if isinstance(space, RecipesSpace):
        return len(space.operations)
    base = len(space.base) if isinstance(space.base, list) else 2
    if isinstance(space, SubPolicySpace):
        return base + space.sub_policies * space.operations_per_sub_policy
    if isinstance(space, RandAugmentSpace):
        return base + len(space.operations)
    if isinstance(space, PipelineSpace):
        return base + sum(
            len(entry.of) if isinstance(entry, ShuffledOperations) else 1
            for entry in space.operations
        )
    return base + 1


def _grid(space: SearchSpace, points: int, most: int) -> int:
    """Candidates of a grid; beyond `most` planning refuses it at once, by a code of its own."""
    count = count_candidates(space, points) or 0
    return count if count <= most else 0


def size_of(spec: SearchSpec) -> int:
    """Candidates x operations x rungs x generations of a search, which its planning takes time and
    memory for.

    A grid is made whole, however little of it is tried. With TPE the candidates beyond a hundred
    count the more, in proportion. Density matching proposes for each fold and objective.
    """
    strategy, space = search_stage(spec).strategy, spec.search_space
    operations = operations_of(space)
    if isinstance(strategy, ListStrategy):
        return len(strategy.candidates)  # bounded by the size of the body
    if isinstance(strategy, RandomStrategy):
        return strategy.candidates * operations
    if isinstance(strategy, GridStrategy | SelfRandAugmentStrategy):
        return _grid(space, strategy.points, MOST_CANDIDATES) * operations
    if isinstance(strategy, SuccessiveHalvingStrategy | AshaStrategy):
        candidates = strategy.candidates
        generations = getattr(strategy, "generation_count", 1)
        size = candidates * operations * strategy.rungs * generations
        if strategy.proposals == "grid":
            return max(size, _grid(space, strategy.points, MOST_GRID) * operations)
        return size * max(1, candidates // TPE_CANDIDATES) if strategy.proposals == "tpe" else size
    if isinstance(strategy, DensityMatchingStrategy):
        found = strategy.folds * len(strategy.objectives)
        if strategy.search == "assembled":
            assert isinstance(space, SubPolicySpace)
            longer = strategy.beam**2 * space.operations_per_sub_policy**2
            ones = len(space.operations) * strategy.points
            return found * (ones + longer + strategy.keep * operations)
        size = strategy.candidates * operations * found
        return size * max(1, strategy.candidates // TPE_CANDIDATES)
    return operations


def refuse_oversized(spec: SearchSpec, settings: Settings) -> None:
    """Refuse a search of more than `max_search_size`.

    Raises:
        InvalidInputError: `search_too_large`.
    """
    size = size_of(spec)
    if size > settings.max_search_size:
        raise InvalidInputError(
            f"The search has a size of {size}, counted as candidates x operations x rungs x "
            f"generations; this server allows {settings.max_search_size}. Ask for fewer, or raise "
            "QUARTERTURN_MAX_SEARCH_SIZE.",
            code="search_too_large",
            fields=[{"path": "$.strategy", "message": f"a size of {size}"}],
        )


def refuse_too_many(coming: Iterable[TrialRequest], settings: Settings) -> None:
    """Refuse a search whose trials to come are of more candidates than the server allows.

    Raises:
        InvalidInputError: `too_many_candidates`.
    """
    count = len({request.candidate.key for request in coming})
    if count > settings.max_candidates:
        raise InvalidInputError(
            f"The job has {count} candidates; this server allows {settings.max_candidates}. "
            "Ask for fewer, or raise QUARTERTURN_MAX_CANDIDATES.",
            code="too_many_candidates",
            fields=[{"path": "$.strategy", "message": f"{count} candidates"}],
        )
