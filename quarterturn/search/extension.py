"""More of the same search: budgets and numbers of candidates raised. Pure.

What was tried stays part of the plan, so that only what is new is paid for. Strategies propose in
generations that read the results of those before: more candidates are more generations, not larger
ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quarterturn.errors import InvalidInputError
from quarterturn.search.spec import Budget, SearchSpec
from quarterturn.search.strategies.flat import split_evenly
from quarterturn.search.strategy import (
    AshaStrategy,
    PipelineStrategy,
    RandomStrategy,
    RecipesStrategy,
    SearchStrategy,
    SuccessiveHalvingStrategy,
)
from quarterturn.validation import parse

_LIMITS = ("trials", "iterations", "seconds")
_MOST_GENERATIONS = 100


def _refused(path: str, message: str) -> InvalidInputError:
    return InvalidInputError(
        f"The search cannot be extended so: {path} {message}.",
        code="invalid_extension",
        fields=[{"path": path, "message": message}],
    )


def extended(
    spec: SearchSpec,
    budget: Mapping[str, float | None] | None = None,
    candidates: int | None = None,
) -> SearchSpec:
    """The search with larger limits and more candidates.

    Args:
        budget: limits to be raised, by name; None as a limit takes it away.
        candidates: how many are searched in all, beside the baselines; of recipes the changes.
            Rounded up to whole generations.

    Raises:
        InvalidInputError: `invalid_extension`, something would become less, or has no number.
    """
    changed: dict[str, Any] = {}
    if budget:
        changed["budget"] = Budget.model_construct(**_raised(spec, budget))
    if candidates is not None:
        strategy = spec.strategy
        if isinstance(strategy, PipelineStrategy):
            search = _more(strategy.search, candidates)
            changed["strategy"] = strategy.model_copy(update={"search": search})
        else:
            changed["strategy"] = _more(strategy, candidates)
    # Validated anew: numbers have limits of their own.
    document = spec.model_copy(update=changed).model_dump(mode="json")
    return parse(SearchSpec, document, code="invalid_extension", what="extension")


def _raised(spec: SearchSpec, budget: Mapping[str, float | None]) -> dict[str, Any]:
    limits = spec.budget.model_dump()
    for name, value in budget.items():
        if name not in _LIMITS:
            raise _refused(f"$.budget.{name}", f"is not one of {', '.join(_LIMITS)}")
        now = limits[name]
        if value is not None and now is None:
            raise _refused(f"$.budget.{name}", "has no limit now, and would get one")
        if value is not None and value < now:
            raise _refused(f"$.budget.{name}", f"is {now} now, and must not become less")
        limits[name] = value
    return limits


def _more(strategy: SearchStrategy, candidates: int) -> SearchStrategy:
    """The strategy with so many candidates, or with a few more."""
    if isinstance(strategy, RecipesStrategy):
        total, generations = _in_generations(strategy.changes, strategy.generations, candidates)
        return strategy.model_copy(update={"changes": total, "generations": generations})
    if isinstance(strategy, SuccessiveHalvingStrategy) and strategy.proposals in (
        "tpe",
        "evolution",
    ):
        total, generations = _in_generations(
            strategy.candidates, strategy.generation_count, candidates
        )
        return strategy.model_copy(update={"candidates": total, "generations": generations})
    fixed = getattr(strategy, "proposals", None) == "grid"
    sampled = RandomStrategy | SuccessiveHalvingStrategy | AshaStrategy
    if isinstance(strategy, sampled) and not fixed:
        _not_less(strategy.candidates, candidates)
        return strategy.model_copy(update={"candidates": candidates})
    raise _refused("$.candidates", f"cannot be raised: {strategy.kind} tries a set that is fixed")


def _not_less(now: int, candidates: int) -> None:
    if candidates < now:
        raise _refused("$.candidates", f"is {now} now, and must not become less")


def _in_generations(now: int, generations: int, candidates: int) -> tuple[int, int]:
    """Candidates and generations that begin with the generations there are."""
    _not_less(now, candidates)
    if candidates == now:
        return now, generations
    if now < generations:  # generations of nobody have nothing to keep
        return candidates, min(generations, candidates)
    sizes = split_evenly(now, generations)
    for total in range(candidates, candidates + sizes[0] + 1):
        for count in range(generations, min(total, _MOST_GENERATIONS) + 1):
            if split_evenly(total, count)[:generations] == sizes:
                return total, count
    raise _refused("$.candidates", f"takes more than {_MOST_GENERATIONS} generations")
