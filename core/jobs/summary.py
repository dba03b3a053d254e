"""What a list of jobs shows of a job that has ended, small enough to read for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quarterturn.search.ranking import Ranked


def _of(entry: Ranked | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {
        "name": entry.name,
        "score": entry.score,
        "error": entry.standard_error,
        "at": entry.iterations,
    }


def summary_of(ranking: Sequence[Ranked], criterion: str, evidence: str | None) -> dict[str, Any]:
    """The first of what was searched, the first of the baselines, and the evidence."""
    searched = next((e for e in ranking if e.origin != "baseline" and not e.collapsed), None)
    baseline = next((e for e in ranking if e.origin == "baseline" and not e.collapsed), None)
    return {
        "criterion": criterion,
        "best": _of(searched),
        "baseline": _of(baseline),
        "evidence": evidence,
    }
