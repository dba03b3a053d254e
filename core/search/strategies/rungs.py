"""What the strategies with rungs share."""

from __future__ import annotations

import math
from collections.abc import Iterable

from core.search.history import TrialRecord
from core.search.spec import SearchSpec
from core.search.strategy import AshaStrategy, SuccessiveHalvingStrategy


def rung_iterations(spec: SearchSpec) -> list[int]:
    """Lengths of the rungs, ascending, the last being `spec.iterations`."""
    strategy = spec.strategy
    assert isinstance(strategy, SuccessiveHalvingStrategy | AshaStrategy)
    lengths = {max(1, round(spec.iterations / strategy.eta**k)) for k in range(strategy.rungs)}
    return sorted(lengths)


def _order(record: TrialRecord) -> tuple[bool, float, str]:
    score = record.score if record.score is not None else -math.inf
    return record.collapsed, -score, record.candidate


def best_first(records: Iterable[TrialRecord]) -> list[str]:
    """Keys of candidates, the best first; collapsed ones last."""
    return [record.candidate for record in sorted(records, key=_order)]
