"""From folds to candidates: the way into density matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quarterturn.policy.schema import Policy
from quarterturn.search.history import Candidate, History, TrialRequest, Wanted, final
from quarterturn.search.incumbent import baselines
from quarterturn.search.objectives import weights_of
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategies.density import assembling, proposing
from quarterturn.search.strategies.density.trials import Prefix, fold_requests, strategy_of
from quarterturn.search.strategies.flat import distinct, repeated
from quarterturn.space.candidates import base_stages
from quarterturn.space.schema import SubPolicySpace


def policy_of(spec: SearchSpec, objective: str, prefixes: list[Prefix]) -> Policy:
    """The policy that draws one of the sub-policies per image and view, then the base."""
    branches = [{"stages": stages} for stages in prefixes]
    stages: list[Any] = [{"op": "one_of", "branches": branches}]
    assert isinstance(spec.search_space, SubPolicySpace)
    stages += [stage.model_dump(mode="json") for stage in base_stages(spec.search_space.base)]
    return Policy.model_validate({"name": f"selfaugment {objective}", "views": [stages]})


@dataclass(frozen=True)
class Exploration:
    """The trials without pretraining of candidates so far; `found` once all have ended: the policy
    of each objective (none where no fold could be pretrained).
    """

    requests: list[TrialRequest]
    found: dict[str, Policy] | None


def explore(spec: SearchSpec, history: History) -> Exploration:
    """Folds, then the search on them."""
    strategy = strategy_of(spec)
    records = history.by_place()
    requests = fold_requests(spec)
    if not final(requests, records):
        return Exploration(requests, None)
    ended = {fold: records[request.place] for fold, request in enumerate(requests)}
    bases = {f: r.result for f, r in ended.items() if r.state == "completed" and r.result}
    if not bases:
        return Exploration(requests, {})
    weights = weights_of(bases.values())
    prefixes: dict[str, list[Prefix]] | None = {}
    if strategy.search == "assembled":
        trials, prefixes = assembling.search(spec, bases, records, weights)
        requests += trials
    else:
        for objective in strategy.objectives:
            trials, merged = proposing.search(spec, objective, list(bases), records, weights)
            requests += trials
            if merged is None:
                prefixes = None
            elif prefixes is not None:
                prefixes[objective] = merged
    if prefixes is None:
        return Exploration(requests, None)
    found = {name: policy_of(spec, name, chosen) for name, chosen in prefixes.items() if chosen}
    return Exploration(requests, found)


def wanted(spec: SearchSpec, history: History) -> Wanted:
    """Folds, density trials, then the policy of each objective pretrained beside the baselines."""
    explored = explore(spec, history)
    if explored.found is None:
        return Wanted(explored.requests, False)
    found = [Candidate.of(policy, "search") for policy in explored.found.values()]
    candidates = distinct([*baselines(spec), *found])
    pretrained = repeated(candidates, spec.seed, spec.seeds, spec.iterations)
    return Wanted([*explored.requests, *pretrained], True)
