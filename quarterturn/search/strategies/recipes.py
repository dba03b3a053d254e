"""Begin with what is known, then change one slot at a time around the best.

The opening is the incumbent, the portfolio and the baselines. Each generation of changes starts
from the best policies so far and tries the changes that promise most: the parent's score, plus what
the operations have been worth in this search, plus how little is known of that
(`quarterturn.search.operation_effects`).
"""

from __future__ import annotations

from quarterturn.policy.excluding import exclude_operations
from quarterturn.policy.slots import Change, apply_change, slots_of
from quarterturn.search.history import (
    SEARCH,
    Candidate,
    History,
    Proposal,
    TrialRequest,
    Wanted,
    final,
)
from quarterturn.search.incumbent import baselines, candidate_of, incumbent, portfolio
from quarterturn.search.operation_effects import fit_effects
from quarterturn.search.ranking import rank
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategies.flat import distinct, repeated, split_evenly
from quarterturn.search.strategy import RecipesStrategy
from quarterturn.space.recipes import excluded_from, neighbors
from quarterturn.space.schema import RecipesSpace


def opening(spec: SearchSpec) -> list[Candidate]:
    """The incumbent first, then the portfolio, then the baselines: a small budget reaches what
    promises most.
    """
    assert isinstance(spec.search_space, RecipesSpace)
    excluded = excluded_from(spec.search_space)
    first = incumbent(spec)
    recipes = [
        candidate_of(exclude_operations(known.policy, excluded), "search", spec)
        for known in portfolio(spec)
    ]
    return distinct([first, *recipes, *baselines(spec)])


def _rank(known: dict[str, Candidate], history: History) -> list[tuple[Candidate, float]]:
    """The candidates that have slots and did not collapse, with their scores, best first."""
    return [
        (known[entry.candidate], entry.score)
        for entry in rank(list(known.values()), history.completed(SEARCH))
        if not entry.collapsed and slots_of(known[entry.candidate].policy) is not None
    ]


def _propose(
    spec: SearchSpec, known: dict[str, Candidate], history: History, first: int, size: int
) -> list[Candidate]:
    """The changes of a generation that promise most, none of them known."""
    strategy, space = spec.strategy, spec.search_space
    assert isinstance(strategy, RecipesStrategy)
    assert isinstance(space, RecipesSpace)
    ranking = _rank(known, history)
    by_key = sorted(ranking, key=lambda found: found[0].key)
    effects = fit_effects([(slots_of(c.policy), score) for c, score in by_key])
    promises: dict[str, tuple[float, Candidate]] = {}
    for parent, score in ranking[: strategy.parents]:
        before = slots_of(parent.policy) or {}
        for change, policy in neighbors(space, parent.policy):
            child = candidate_of(policy, "search", spec)
            mean, error = effects.of_change(before, slots_of(policy) or {})
            promise = score + mean + error
            if child.key in known or promise <= promises.get(child.key, (-1e9, child))[0]:
                continue
            parameters = {"parent": parent.key, "slot": change.slot, "level": change.level}
            promises[child.key] = (
                promise,
                Candidate(child.key, child.policy, "search", None, parameters),
            )
    # Rounded, so that equal promises do not swap places with the order of a sum.
    best = sorted(promises.values(), key=lambda found: (-round(found[0], 9), found[1].key))
    return [
        Candidate(c.key, c.policy, c.origin, first + place, c.parameters)
        for place, (_, c) in enumerate(best[:size])
    ]


def _rebuild(spec: SearchSpec, proposal: Proposal, known: dict[str, Candidate]) -> Candidate:
    """The candidate of a recorded proposal, whose parent is known."""
    assert isinstance(spec.search_space, RecipesSpace)
    parameters = proposal.parameters
    excluded = excluded_from(spec.search_space)
    parent = exclude_operations(known[parameters["parent"]].policy, excluded)
    change = Change(parameters["slot"], parameters["level"])
    policy = exclude_operations(apply_change(parent, change), excluded)
    return Candidate(proposal.key, policy, "search", proposal.number, dict(parameters))


def _generation(
    spec: SearchSpec, known: dict[str, Candidate], history: History, first: int, size: int
) -> list[Candidate]:
    """The proposals of a generation: those recorded, else new ones."""
    recorded = sorted(
        (p for p in history.proposals if first <= p.number < first + size),
        key=lambda p: p.number,
    )
    if recorded:
        return [_rebuild(spec, proposal, known) for proposal in recorded]
    return _propose(spec, known, history, first, size)


def wanted(spec: SearchSpec, history: History) -> Wanted:
    """The opening, the generations of changes, and the best again with all seeds."""
    strategy = spec.strategy
    assert isinstance(strategy, RecipesStrategy)
    records = history.by_place()
    started = opening(spec)
    known = {candidate.key: candidate for candidate in started}
    requests: list[TrialRequest] = repeated(started, spec.seed, 1, spec.iterations)
    first = 0
    for size in split_evenly(strategy.changes, strategy.generations):
        if not final(requests, records):
            return Wanted(requests, False)
        coming = _generation(spec, known, history, first, size)
        first += size
        known |= {candidate.key: candidate for candidate in coming}
        requests = [*requests, *repeated(coming, spec.seed, 1, spec.iterations)]
    if spec.seeds < 2:
        return Wanted(requests, True)
    if not final(requests, records):
        return Wanted(requests, False)
    today = incumbent(spec)
    best = [c for c, _ in _rank(known, history) if c.key != today.key]
    again = [today, *best[: strategy.parents]]
    return Wanted(
        [*requests, *repeated(again, spec.seed + 1, spec.seeds - 1, spec.iterations)], True
    )
