"""Sub-policies scored once on a grid of strengths, and the policy assembled from the best.

With one sub-policy drawn per image and the mean of their losses, the rotation loss of a policy is
exactly the mean of its sub-policies' losses (docs/searches.md, "assembled"), so searching over
sets of them is waste. It is linear in each probability too, so nothing but 0 and 1 can be best.

InfoNCE depends on pairs of sub-policies, one per view. To first order a sub-policy is judged by a
view of its own against one of the base alone. Judged against itself, one that changes both views
alike, such as an inversion, would pass for harmless.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean

from quarterturn.search.history import TrialRequest, final
from quarterturn.search.objectives import Losses, value
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategies.density.trials import (
    Prefix,
    Records,
    batches,
    density_request,
    losses_of,
    strategy_of,
)
from quarterturn.space.candidates import chosen, grid_points, has_strength, replay
from quarterturn.space.schema import SubPolicySpace, bounds

#: Mean losses over the folds, by sub-policy.
Table = dict[str, Losses]
#: Losses of the base augmentation alone, by fold.
Bases = dict[int, Losses]


def _key(prefix: Prefix) -> str:
    return json.dumps(prefix, sort_keys=True)


def singles(space: SubPolicySpace, points: int) -> list[Prefix]:
    """Each operation alone, always applied, at `points` strengths up to its largest."""
    found: dict[str, Prefix] = {}
    for operation in space.operations:
        probability = bounds(operation.probability)[1]
        strengths = grid_points(operation.strengths, points + 1) if has_strength(operation) else [1]
        for strength in strengths:
            if has_strength(operation) and strength == 0:
                continue  # the identity
            prefix = [chosen(operation, replay((probability, strength)), space.draw)]
            found[_key(prefix)] = prefix
    return list(found.values())


def _best(
    prefixes: Iterable[Prefix], table: Table, objective: str, weights: dict[str, float]
) -> list[Prefix]:
    scored = [prefix for prefix in prefixes if _key(prefix) in table]
    return sorted(scored, key=lambda p: (value(objective, table[_key(p)], weights), _key(p)))


def _extended(
    spec: SearchSpec,
    beam: list[Prefix],
    ones: list[Prefix],
    table: Table,
    weights: dict[str, float],
) -> list[Prefix]:
    """The best prefixes, each followed by another of the best operations; for all objectives."""
    strategy = strategy_of(spec)
    found: dict[str, Prefix] = {}
    for objective in strategy.objectives:
        best: dict[str, Prefix] = {}
        for prefix in _best(ones, table, objective, weights):
            best.setdefault(prefix[0]["op"], prefix)
        followers = list(best.values())[: strategy.beam]
        leaders: dict[tuple[str, ...], Prefix] = {}
        for prefix in _best(beam, table, objective, weights):
            leaders.setdefault(tuple(stage["op"] for stage in prefix), prefix)
        for leader, follower in itertools.product(
            list(leaders.values())[: strategy.beam], followers
        ):
            if follower[0]["op"] not in {stage["op"] for stage in leader}:
                extended = [*leader, *follower]
                found.setdefault(_key(extended), extended)
    return list(found.values())


def _level(
    spec: SearchSpec, name: str, prefixes: list[Prefix], bases: Bases, records: Records
) -> tuple[list[TrialRequest], Table | None]:
    """Score prefixes on all folds; the table of mean losses once all have ended.

    Folds differ in difficulty. What failed on one is judged by how far it is from the base on the
    others, which with all folds there is the plain mean.
    """
    stream = "fresh" if name == "finalists" else "search"
    requests: list[TrialRequest] = []
    found: dict[str, list[Losses]] = defaultdict(list)
    for fold, base in bases.items():
        for number, batch in enumerate(batches(prefixes, strategy_of(spec).batch)):
            request = density_request(
                spec, f"{name}/{number}", fold, batch, stream, against_base=True
            )
            requests.append(request)
            for prefix, losses in zip(
                batch, losses_of(records.get(request.place)) or [], strict=False
            ):
                found[_key(prefix)].append({loss: losses[loss] - base[loss] for loss in losses})
    if not final(requests, records):
        return requests, None
    table: Table = {
        key: {
            loss: fmean(base[loss] for base in bases.values()) + fmean(one[loss] for one in many)
            for loss in many[0]
        }
        for key, many in found.items()
    }
    return requests, table


def search(
    spec: SearchSpec, bases: Bases, records: Records, weights: dict[str, float]
) -> tuple[list[TrialRequest], dict[str, list[Prefix]] | None]:
    """The trials so far, and the sub-policies found for each objective once all have ended."""
    space, strategy = spec.search_space, strategy_of(spec)
    assert isinstance(space, SubPolicySpace)
    ones = singles(space, strategy.points)
    requests, table = _level(spec, "level1", ones, bases, records)
    everything, beam = list(ones), ones
    for length in range(2, space.operations_per_sub_policy + 1):
        if table is None:
            return requests, None
        beam = _extended(spec, beam, ones, table, weights)
        trials, more = _level(spec, f"level{length}", beam, bases, records)
        requests += trials
        table = None if more is None else {**table, **more}
        everything += beam
    if table is None:
        return requests, None
    finalists = {
        _key(prefix): prefix
        for objective in strategy.objectives
        for prefix in _best(everything, table, objective, weights)[: 2 * strategy.keep]
    }
    trials, fresh = _level(spec, "finalists", list(finalists.values()), bases, records)
    requests += trials
    if fresh is None:
        return requests, None
    return requests, {
        objective: _best(
            _best(everything, table, objective, weights)[: 2 * strategy.keep],
            fresh,
            objective,
            weights,
        )[: strategy.keep]
        for objective in strategy.objectives
    }
