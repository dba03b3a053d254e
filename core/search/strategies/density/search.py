"""From folds to candidates: the way into density matching."""

from __future__ import annotations

from typing import Any

from core.policies.schema import Policy
from core.search.history import Candidate, History, TrialRequest, Wanted, final
from core.search.objectives import weights_of
from core.search.spec import SearchSpec
from core.search.strategies.density import assembling, proposing
from core.search.strategies.density.trials import Prefix, fold_requests, strategy_of
from core.search.strategies.flat import baselines, distinct, repeated
from core.spaces.candidates import base_stages


def policy_of(spec: SearchSpec, objective: str, prefixes: list[Prefix]) -> Policy:
    """The policy that draws one of the sub-policies per image and view, then the base."""
    branches = [{"stages": stages} for stages in prefixes]
    stages: list[Any] = [{"op": "one_of", "branches": branches}]
    stages += [stage.model_dump(mode="json") for stage in base_stages(spec.search_space.base)]
    return Policy.model_validate({"name": f"selfaugment {objective}", "views": [stages]})


def _pretrained(spec: SearchSpec, found: list[Candidate]) -> list[TrialRequest]:
    """What was found and the baselines, measured by pretraining."""
    return repeated(distinct([*baselines(), *found]), spec.seed, spec.seeds, spec.iterations)


def wanted(spec: SearchSpec, history: History) -> Wanted:
    """Folds, density trials, then the policy of each objective beside the baselines."""
    strategy = strategy_of(spec)
    records = history.by_place()
    requests = fold_requests(spec)
    if not final(requests, records):
        return Wanted(requests, False)
    bases = {
        fold: records[request.place].result
        for fold, request in enumerate(requests)
        if records[request.place].state == "completed" and records[request.place].result
    }
    if not bases:  # no fold could be pretrained; the baselines may still be
        return Wanted([*requests, *_pretrained(spec, [])], True)
    weights = weights_of(result for result in bases.values() if result)
    folds = sorted(bases)
    prefixes: dict[str, list[Prefix]] | None = {}
    if strategy.search == "assembled":
        trials, prefixes = assembling.search(spec, folds, records, weights)
        requests += trials
    else:
        for objective in strategy.objectives:
            trials, merged = proposing.search(spec, objective, folds, records, weights)
            requests += trials
            if merged is None:
                prefixes = None
            elif prefixes is not None:
                prefixes[objective] = merged
    if prefixes is None:
        return Wanted(requests, False)
    found = [
        Candidate.of(policy_of(spec, objective, chosen), "search")
        for objective, chosen in prefixes.items()
        if chosen
    ]
    return Wanted([*requests, *_pretrained(spec, found)], True)
