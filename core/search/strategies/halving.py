"""Successive halving over pretraining iterations."""

from __future__ import annotations

import math

from core.search.history import FINAL_STATES, Candidate, History, TrialRecord, TrialRequest
from core.search.spec import SearchSpec, SuccessiveHalvingStrategy
from core.search.strategies.flat import candidates_of


def rung_iterations(spec: SearchSpec) -> list[int]:
    """Lengths of the rungs, ascending, the last being `spec.iterations`."""
    assert isinstance(spec.strategy, SuccessiveHalvingStrategy)
    rungs, eta = spec.strategy.rungs, spec.strategy.eta
    return sorted({max(1, round(spec.iterations / eta**k)) for k in range(rungs)})


def _order(record: TrialRecord) -> tuple[bool, float, str]:
    score = record.score if record.score is not None else -math.inf
    return record.collapsed, -score, record.candidate


def _survivors(
    climbers: list[Candidate], records: dict[tuple[str, int, int], TrialRecord],
    seed: int, iterations: int, eta: int,
) -> list[Candidate]:  # fmt: skip
    """Those who climb on: the best 1/eta of the searched, and every baseline that completed."""
    done = {
        candidate.key: records[candidate.key, seed, iterations]
        for candidate in climbers
        if records[candidate.key, seed, iterations].state == "completed"
    }
    searched = [c.key for c in climbers if c.origin == "search" and c.key in done]
    kept = sorted(searched, key=lambda key: _order(done[key]))
    kept = kept[: max(1, math.ceil(len(searched) / eta))]
    return [c for c in climbers if c.key in kept or (c.origin == "baseline" and c.key in done)]


def wanted(spec: SearchSpec, history: History) -> tuple[list[TrialRequest], bool]:
    """All trials wanted so far, each rung with the first seed and the last with all seeds, and
    whether there will be no more.
    """
    strategy = spec.strategy
    assert isinstance(strategy, SuccessiveHalvingStrategy)
    rungs = rung_iterations(spec)
    records = history.by_place()
    climbers = candidates_of(spec)
    requests: list[TrialRequest] = []
    below = 0
    for iterations in rungs:
        rung = [TrialRequest(c, spec.seed, iterations, below) for c in climbers]
        requests += rung
        if iterations == rungs[-1]:
            break
        if not all(
            request.place in records and records[request.place].state in FINAL_STATES
            for request in rung
        ):
            return requests, False
        climbers = _survivors(climbers, records, spec.seed, iterations, strategy.eta)
        below = iterations
    for repetition in range(1, spec.seeds):
        requests += [TrialRequest(c, spec.seed + repetition, rungs[-1]) for c in climbers]
    return requests, True
