"""Candidates by number: from a fixed list, or from a sampler that learns from the history."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from functools import lru_cache

from quarterturn.errors import InvalidInputError
from quarterturn.search.history import Candidate, History, Proposal, TrialRecord
from quarterturn.search.proposals import evolution, tpe
from quarterturn.search.proposals.observations import Observation
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategy import Proposals
from quarterturn.space.candidates import count_candidates, draw_candidate, enumerate_candidates
from quarterturn.space.parameters import Parameters, build, dimensions
from quarterturn.space.schema import SearchSpace, SearchSpaceDocument

MOST_CANDIDATES = 5000
#: Of a grid of which a selection is tried.
MOST_GRID = 1000 * MOST_CANDIDATES
_LEARNING = {"tpe": tpe.propose, "evolution": evolution.propose}
_REPEATS = 20
#: Scores on a rung that are enough to learn from; before, the rung with most of them serves.
_ENOUGH = 6


def drawn(spec: SearchSpec, count: int) -> list[Candidate]:
    """`count` candidates drawn at random; number i does not depend on `count`."""
    found: dict[str, Candidate] = {}
    count = min(count, count_candidates(spec.search_space) or count)
    for index in range(count * _REPEATS):
        # Drawn numbers are not reused: a space with fewer than `count` policies gives all it has.
        generator = random.Random(f"{spec.seed}/{index}")
        name = f"{spec.search_space.name} {len(found) + 1}"
        candidate = Candidate.of(draw_candidate(spec.search_space, generator, name), "search")
        found.setdefault(candidate.key, candidate)
        if len(found) == count:
            break
    return list(found.values())


def grid(space: SearchSpace, points: int, most: int | None = None) -> list[Candidate]:
    """The grid of a space; an even selection of `most` where it has more.

    Raises:
        InvalidInputError: `too_many_candidates`, for a grid that is too fine.
    """
    return list(_grid(space.model_dump_json(), points, most))


@lru_cache(maxsize=32)
def _grid(document: str, points: int, most: int | None) -> tuple[Candidate, ...]:
    """Planning asks for it after every trial, and making thousands of policies takes seconds."""
    space = SearchSpaceDocument.model_validate_json(f'{{"space": {document}}}').space
    count = count_candidates(space, points) or 0
    if count > MOST_CANDIDATES and (most is None or count > MOST_GRID):
        raise InvalidInputError(
            f"The grid has {count} candidates; at most {MOST_CANDIDATES} can be tried. "
            "Use fewer points or values, or the strategy random or successive_halving.",
            code="too_many_candidates",
            fields=[{"path": "$.strategy", "message": f"{count} candidates"}],
        )
    step = max(1.0, count / most) if most else 1.0
    taken = {math.floor(i * step) for i in range(math.ceil(count / step))}
    numbered = enumerate(itertools.islice(enumerate_candidates(space, points), max(taken) + 1))
    return tuple(Candidate.of(policy, "search") for i, policy in numbered if i in taken)


def rebuilt(spec: SearchSpec, proposal: Proposal) -> Candidate:
    """The candidate of a recorded proposal."""
    name = f"{spec.search_space.name} {proposal.number + 1}"
    policy = build(spec.search_space, proposal.parameters, name)
    return Candidate(
        policy.digest[:16], policy, "search", proposal.number, dict(proposal.parameters)
    )


def observations(
    history: History, scored: Sequence[TrialRecord], rungs: Sequence[int]
) -> list[Observation]:
    """All proposals with their scores on the longest rung that has enough of them (as BOHB)."""
    by_rung: dict[int, dict[str, float]] = {rung: {} for rung in rungs}
    proposed = {proposal.key for proposal in history.proposals}
    collapsed: set[tuple[int, str]] = set()
    for trial in scored:
        if trial.candidate in proposed and trial.score is not None and trial.iterations in by_rung:
            by_rung[trial.iterations][trial.candidate] = trial.score
            if trial.collapsed:
                collapsed.add((trial.iterations, trial.candidate))
    for rung, scores in by_rung.items():
        # Below every healthy one, whatever the sign of the criterion; finite, for TPE.
        worst = min((v for key, v in scores.items() if (rung, key) not in collapsed), default=0.0)
        scores |= {key: worst - 1.0 for key in scores if (rung, key) in collapsed}
    enough = [rung for rung in rungs if len(by_rung[rung]) >= _ENOUGH]
    rung = max(enough) if enough else max(rungs, key=lambda r: (len(by_rung[r]), -r))
    return [
        Observation(p.number, p.parameters, by_rung[rung].get(p.key))
        for p in sorted(history.proposals, key=lambda p: p.number)
    ]


def propose(
    spec: SearchSpec, kind: Proposals, observed: list[Observation], known: set[str]
) -> Candidate | None:
    """The next candidate that is not known yet; None if the sampler only repeats itself."""
    space = spec.search_space
    number = len(observed)
    axes = dimensions(space)
    for attempt in range(_REPEATS):
        seed = spec.seed + 7919 * attempt
        if kind in _LEARNING and attempt < _REPEATS // 2:
            parameters: Parameters = _LEARNING[kind](axes, observed, seed)
        else:
            generator = random.Random(f"{seed}/{number}")
            parameters = {axis.name: axis.draw(generator) for axis in axes}
        candidate = rebuilt(spec, Proposal("", number, parameters))
        if candidate.key not in known:
            return candidate
    return None
