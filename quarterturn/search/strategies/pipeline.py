"""Base augmentation, search, confirmation: one after the other, each reading what came before."""

from __future__ import annotations

from collections.abc import Callable

from quarterturn.search.history import (
    BASE,
    CONFIRMATION,
    Candidate,
    History,
    TrialRequest,
    Wanted,
    final,
)
from quarterturn.search.incumbent import baselines, incumbent
from quarterturn.search.ranking import rank
from quarterturn.search.spec import SearchSpec, search_stage
from quarterturn.search.strategies.flat import distinct, repeated, single_operations
from quarterturn.search.strategy import BaseStage, ConfirmationStage, PipelineStrategy

#: Seeds of the confirmation start here, beyond those of any search.
FRESH_SEEDS = 1_000_000

Search = Callable[[SearchSpec, History], Wanted]


def base_requests(spec: SearchSpec, stage: BaseStage) -> list[TrialRequest]:
    """Each operation alone."""
    candidates = single_operations(spec, stage.search_space)
    iterations = stage.iterations or spec.iterations
    return repeated(candidates, spec.seed, stage.seeds, iterations, BASE)


def _candidates(requests: list[TrialRequest]) -> list[Candidate]:
    return distinct([request.candidate for request in requests])


def with_base(spec: SearchSpec, requests: list[TrialRequest], history: History) -> SearchSpec:
    """The search on the winner of the base stage; on the space's own base if none completed."""
    ranking = rank(_candidates(requests), history.completed(BASE))
    if not ranking or ranking[0].collapsed:
        return spec
    winner = next(r.candidate for r in requests if r.candidate.key == ranking[0].candidate)
    space = spec.search_space.model_copy(update={"base": list(winner.policy.views[0])})
    return spec.model_copy(update={"search_space": space})


def confirmation_requests(
    spec: SearchSpec, stage: ConfirmationStage, finalists: list[Candidate]
) -> list[TrialRequest]:
    """The finalists beside the incumbent, on seeds that no search has used."""
    iterations = stage.iterations or spec.iterations
    beside = baselines(spec) if stage.baselines else [incumbent(spec)]
    chosen = distinct([*beside, *finalists])
    return repeated(chosen, FRESH_SEEDS + spec.seed, stage.seeds, iterations, CONFIRMATION)


def wanted(spec: SearchSpec, history: History, search: Search) -> Wanted:
    """All trials wanted so far; `search` plans the stage in the middle."""
    strategy = spec.strategy
    assert isinstance(strategy, PipelineStrategy)
    records = history.by_place()
    requests: list[TrialRequest] = []
    inner = search_stage(spec)
    if strategy.base is not None:
        requests = base_requests(spec, strategy.base)
        if not final(requests, records):
            return Wanted(requests, False)
        inner = with_base(inner, requests, history)
    middle = search(inner, history)
    requests = [*requests, *middle.requests]
    if not middle.complete or strategy.confirmation is None:
        return Wanted(requests, middle.complete)
    if not final(middle.requests, records):
        return Wanted(requests, False)
    scored = [r for r in middle.requests if r.task == "search"]
    by_key = {candidate.key: candidate for candidate in _candidates(scored)}
    ranking = rank(list(by_key.values()), history.completed("search"))
    # Who is confirmed anyway takes no place of a finalist.
    apart = {c.key for c in (baselines(spec) if strategy.confirmation.baselines else [])}
    apart.add(incumbent(spec).key)
    best = [e for e in ranking if e.candidate not in apart and not e.collapsed]
    finalists = [by_key[entry.candidate] for entry in best[: strategy.confirmation.top]]
    confirming = confirmation_requests(spec, strategy.confirmation, finalists)
    return Wanted([*requests, *confirming], True)
