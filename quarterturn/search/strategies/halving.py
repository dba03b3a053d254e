"""Successive halving over pretraining iterations, in one or several generations."""

from __future__ import annotations

import math

from quarterturn.search.history import (
    SEARCH,
    Candidate,
    History,
    Place,
    TrialRecord,
    TrialRequest,
    Wanted,
    final,
)
from quarterturn.search.incumbent import baselines
from quarterturn.search.proposals.observations import Observation
from quarterturn.search.proposals.source import drawn, grid, observations, propose, rebuilt
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategies.flat import distinct, repeated, split_evenly
from quarterturn.search.strategies.rungs import best_first, rung_iterations, rung_request
from quarterturn.search.strategy import SuccessiveHalvingStrategy


def _generation(spec: SearchSpec, history: History, start: int, size: int) -> list[Candidate]:
    """The proposals of a generation: those recorded, completed by what comes next.

    All come from the scores of the generations before, so they are the same whenever asked for.
    """
    strategy = spec.strategy
    assert isinstance(strategy, SuccessiveHalvingStrategy)
    earlier = History(proposals=tuple(p for p in history.proposals if p.number < start))
    observed = observations(earlier, history.completed(SEARCH), rung_iterations(spec))
    recorded = {p.number: p for p in history.proposals}
    known = {c.key for c in baselines(spec)} | {p.key for p in earlier.proposals}
    found: list[Candidate] = []
    for number in range(start, start + size):
        if number in recorded:
            candidate: Candidate | None = rebuilt(spec, recorded[number])
        else:
            candidate = propose(spec, strategy.proposals, observed, known)
        if candidate is None:
            break
        found.append(candidate)
        known.add(candidate.key)
        observed.append(Observation(number, candidate.parameters or {}, None))
    return found


def _climb(
    spec: SearchSpec, climbers: list[Candidate], records: dict[Place, TrialRecord]
) -> tuple[list[TrialRequest], list[Candidate] | None, bool]:
    """The trials of one bracket, who reaches its last rung (None: not known yet), and whether it
    has ended.
    """
    assert isinstance(spec.strategy, SuccessiveHalvingStrategy)
    requests: list[TrialRequest] = []
    below = 0
    for iterations in rung_iterations(spec):
        rung = [rung_request(spec, c, iterations, below) for c in climbers]
        requests += rung
        if iterations == spec.iterations:
            return requests, climbers, final(rung, records)
        if not final(rung, records):
            return requests, None, False
        done = {
            r.candidate.key: records[r.place] for r in rung if records[r.place].state == "completed"
        }
        searched = [c.key for c in climbers if c.origin == "search" and c.key in done]
        kept = best_first(done[key] for key in searched)
        kept = kept[: max(1, math.ceil(len(searched) / spec.strategy.eta))]
        climbers = [
            c for c in climbers if c.key in kept or (c.origin == "baseline" and c.key in done)
        ]
        below = iterations
    raise AssertionError("the last rung is spec.iterations")


def _brackets(spec: SearchSpec, history: History) -> list[list[Candidate]]:
    """What each generation starts with, as far as it can be known; baselines are in the first."""
    strategy = spec.strategy
    assert isinstance(strategy, SuccessiveHalvingStrategy)
    if strategy.proposals == "random":
        return [distinct([*baselines(spec), *drawn(spec, strategy.candidates)])]
    if strategy.proposals == "grid":
        chosen = grid(spec.search_space, strategy.points, strategy.candidates)
        return [distinct([*baselines(spec), *chosen])]
    records = history.by_place()
    brackets: list[list[Candidate]] = []
    start = 0
    for size in split_evenly(strategy.candidates, strategy.generation_count):
        found = _generation(spec, history, start, size)
        brackets.append([*baselines(spec), *found] if not brackets else found)
        start += size
        if not _climb(spec, brackets[-1], records)[2]:
            break
    return brackets


def wanted(spec: SearchSpec, history: History) -> Wanted:
    """Each rung with the first seed; at the end those on the last rung with all seeds."""
    strategy = spec.strategy
    assert isinstance(strategy, SuccessiveHalvingStrategy)
    records = history.by_place()
    requests: list[TrialRequest] = []
    finalists: list[Candidate] = []
    brackets = _brackets(spec, history)
    learns = strategy.proposals in ("tpe", "evolution")
    for bracket in brackets:
        trials, last, ended = _climb(spec, bracket, records)
        requests += trials
        if last is None or (learns and not ended):
            return Wanted(requests, False)
        finalists += last
    if learns and len(brackets) < strategy.generation_count:
        return Wanted(requests, False)
    again = repeated(finalists, spec.seed + 1, spec.seeds - 1, spec.iterations)
    return Wanted([*requests, *again], True)
