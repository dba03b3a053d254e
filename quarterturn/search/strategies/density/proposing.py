"""Whole policies proposed per fold and objective, by TPE as in the paper or at random; the best of
each fold are merged (docs/searches.md, "tpe and random").
"""

from __future__ import annotations

import random

from quarterturn.policy.schema import OneOf
from quarterturn.search.history import FINAL_STATES, TrialRequest
from quarterturn.search.objectives import value
from quarterturn.search.proposals import tpe
from quarterturn.search.proposals.observations import Observation
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategies.density.trials import (
    Prefix,
    Records,
    density_request,
    losses_of,
    strategy_of,
)
from quarterturn.space.parameters import Parameters, build, dimensions


def prefix_of(spec: SearchSpec, parameters: Parameters) -> Prefix:
    """The searched part of a policy: its sub-policies, without the base."""
    stage = build(spec.search_space, parameters, "proposal").views[0][0]
    assert isinstance(stage, OneOf)
    return [stage.model_dump(mode="json", exclude_defaults=True)]


def _proposals(
    spec: SearchSpec, objective: str, fold: int, observed: list[Observation], count: int
) -> list[Parameters]:
    axes = dimensions(spec.search_space)
    pending = list(observed)
    for _ in range(count):
        if strategy_of(spec).search == "random":
            generator = random.Random(f"{spec.seed}/{objective}/{fold}/{len(pending)}")
            parameters: Parameters = {axis.name: axis.draw(generator) for axis in axes}
        else:
            seed = spec.seed + 104_729 * (fold + 1)
            parameters = tpe.propose(axes, pending, seed, start_up=20)
        pending.append(Observation(len(pending), parameters, None))
    return [item.parameters for item in pending[len(observed) :]]


def _on_fold(
    spec: SearchSpec, objective: str, fold: int, records: Records, weights: dict[str, float]
) -> tuple[list[TrialRequest], list[tuple[float, Prefix]], bool]:
    """The trials of one fold so far, the policies scored, and whether that is all."""
    strategy = strategy_of(spec)
    requests: list[TrialRequest] = []
    observed: list[Observation] = []
    scored: list[tuple[float, Prefix]] = []
    known = {place[3]: record for place, record in records.items()}
    batch = 0
    while len(observed) < strategy.candidates:
        task = f"{objective}/{batch}"
        size = min(strategy.batch, strategy.candidates - len(observed))
        record = known.get(f"density/{task}/{fold}")
        if record is not None and record.payload:
            proposed: list[Parameters] = list(record.payload["parameters"])
            prefixes: list[Prefix] = list(record.payload["policies"])
        else:
            proposed = _proposals(spec, objective, fold, observed, size)
            prefixes = [prefix_of(spec, parameters) for parameters in proposed]
        stream = f"search/{objective}"
        requests.append(density_request(spec, task, fold, prefixes, stream, proposed))
        if record is None or record.state not in FINAL_STATES:
            return requests, scored, False
        losses = losses_of(record)
        for place, parameters in enumerate(proposed):
            reached = None if losses is None else -value(objective, losses[place], weights)
            observed.append(Observation(len(observed), parameters, reached))
            if reached is not None:
                scored.append((-reached, prefixes[place]))
        batch += 1
    return requests, scored, True


def search(
    spec: SearchSpec,
    objective: str,
    folds: list[int],
    records: Records,
    weights: dict[str, float],
) -> tuple[list[TrialRequest], list[Prefix] | None]:
    """The trials of an objective so far, and the sub-policies found once all have ended."""
    requests: list[TrialRequest] = []
    merged: list[Prefix] = []
    complete = True
    for fold in folds:
        trials, scored, ended = _on_fold(spec, objective, fold, records, weights)
        requests += trials
        complete = complete and ended
        best = sorted(scored, key=lambda item: item[0])[: strategy_of(spec).top]
        for _, prefix in best:
            merged += [branch["stages"] for branch in prefix[0]["branches"]]
    return requests, merged if complete else None
