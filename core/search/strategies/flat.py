"""List, random and grid: every candidate at full length, one seed after the other."""

from __future__ import annotations

import itertools
import random
from functools import lru_cache

from core.errors import InvalidInputError
from core.policies.recipes import BASELINES
from core.search.history import Candidate, TrialRequest
from core.search.spec import GridStrategy, ListStrategy, SearchSpec
from core.spaces.candidates import count_candidates, draw_candidate, enumerate_candidates

MOST_CANDIDATES = 5000


def distinct(candidates: list[Candidate]) -> list[Candidate]:
    """Without repeats; the first of equal policies stays."""
    return list({candidate.key: candidate for candidate in reversed(candidates)}.values())[::-1]


def baselines() -> list[Candidate]:
    """The baselines that every ranking includes."""
    return [Candidate.of(make(), "baseline") for make in BASELINES.values()]


def drawn(spec: SearchSpec, count: int) -> list[Candidate]:
    """`count` candidates drawn at random; number i does not depend on `count`."""
    found: dict[str, Candidate] = {}
    count = min(count, count_candidates(spec.search_space) or count)
    for index in range(count * 20):
        # Drawn numbers are not reused: a space with fewer than `count` policies gives all it has.
        generator = random.Random(f"{spec.seed}/{index}")
        name = f"{spec.search_space.name} {len(found) + 1}"
        candidate = Candidate.of(draw_candidate(spec.search_space, generator, name), "search")
        found.setdefault(candidate.key, candidate)
        if len(found) == count:
            break
    return list(found.values())


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
    elif isinstance(strategy, GridStrategy):
        count = count_candidates(spec.search_space, strategy.points) or 0
        if count > MOST_CANDIDATES:
            raise InvalidInputError(
                f"The grid has {count} candidates; at most {MOST_CANDIDATES} can be tried. "
                "Use fewer points or values, or the strategy random or successive_halving.",
                code="too_many_candidates",
                fields=[{"path": "$.strategy", "message": f"{count} candidates"}],
            )
        enumerated = enumerate_candidates(spec.search_space, strategy.points)
        searched = [
            Candidate.of(policy, "search")
            for policy in itertools.islice(enumerated, MOST_CANDIDATES)
        ]
    else:
        searched = drawn(spec, strategy.candidates)
    return tuple(distinct([*baselines(), *searched]))


def wanted(spec: SearchSpec) -> list[TrialRequest]:
    """All trials wanted. Seeds come one after the other, so that a search cut short has every
    candidate measured equally often, or nearly so.
    """
    candidates = candidates_of(spec)
    return [
        TrialRequest(candidate, spec.seed + repetition, spec.iterations)
        for repetition in range(spec.seeds)
        for candidate in candidates
    ]
