"""A running search as terminals show it: plain data, with fields of a service's dashboard."""

from __future__ import annotations

from collections import Counter
from typing import Any

from quarterturn.local.loop import Progress
from quarterturn.search.course import remaining
from quarterturn.search.planning import seconds_per_iteration
from quarterturn.search.ranking import Ranked
from quarterturn.search.selection import assess_ranking
from quarterturn.search.spec import SearchSpec
from quarterturn.search.standing import standing


def progress_view(spec: SearchSpec, progress: Progress, n_workers: int) -> dict[str, Any]:
    """Counts, the best so far, and about how many seconds are left."""
    history = progress.history()
    ranking = standing(spec, list(progress.candidates.values()), history)
    coming = remaining(spec, history)
    rate = seconds_per_iteration(history)
    left = None
    if rate is not None:
        left = rate * sum(request.cost for request in coming) / n_workers
        if spec.budget.seconds is not None:
            left = min(left, max(0.0, spec.budget.seconds - progress.elapsed))
    counts = Counter(trial.record.state for trial in progress.trials.values())
    return {
        "counts": {
            state: counts[state]
            for state in ("queued", "running", "completed", "failed", "crashed", "cancelled")
        },
        "trials_total": len(progress.trials) + len(coming),
        "criterion": spec.scoring.criterion,
        "best": ranking[0].to_dict() if ranking else None,
        "seconds_left": left,
        "policy_ready": False,
    }


def final_view(
    spec: SearchSpec, ranking: list[Ranked], warnings: list[dict[str, Any]]
) -> dict[str, Any]:
    """The ranking of a search that has ended, what it is worth, and what to know of it."""
    evidence = assess_ranking(spec, ranking)
    return {
        "criterion": spec.scoring.criterion,
        "ranking": [entry.to_dict() for entry in ranking],
        "evidence": evidence.to_dict(),
        "warnings": warnings,
    }
