"""What the strategies with rungs share."""

from __future__ import annotations

import math
from collections.abc import Iterable

from quarterturn.search.history import Candidate, TrialRecord, TrialRequest
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategy import AshaStrategy, SuccessiveHalvingStrategy


def rung_iterations(spec: SearchSpec) -> list[int]:
    """Lengths of the rungs, ascending, the last being `spec.iterations`."""
    strategy = spec.strategy
    assert isinstance(strategy, SuccessiveHalvingStrategy | AshaStrategy)
    lengths = {max(1, round(spec.iterations / strategy.eta**k)) for k in range(strategy.rungs)}
    return sorted(lengths)


def rung_request(
    spec: SearchSpec, candidate: Candidate, iterations: int, below: int
) -> TrialRequest:
    """A candidate on a rung, continued from the rung of `below` iterations or begun anew."""
    strategy = spec.strategy
    assert isinstance(strategy, SuccessiveHalvingStrategy | AshaStrategy)
    if strategy.schedule == "per_rung":
        return TrialRequest(candidate, spec.seed, iterations, schedule=iterations)
    return TrialRequest(candidate, spec.seed, iterations, below, schedule=spec.iterations)


def _order(record: TrialRecord) -> tuple[bool, float, str]:
    score = record.score if record.score is not None else -math.inf
    return record.collapsed, -score, record.candidate


def best_first(records: Iterable[TrialRecord]) -> list[str]:
    """Keys of candidates, the best first; collapsed ones last."""
    return [record.candidate for record in sorted(records, key=_order)]
