"""How a search ends: its ranking and the selected policy, with where both come from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from quarterturn.policy.pictures import Pictures
from quarterturn.policy.schema import Policy
from quarterturn.search.history import Candidate, History
from quarterturn.search.ranking import Ranked
from quarterturn.search.selection import select
from quarterturn.search.spec import SearchSpec
from quarterturn.search.standing import standing


@dataclass(frozen=True)
class SearchedImages:
    """The images of a search, for provenance: `resolution` in pixels, `id` that of a service;
    `pictures` is how files became them, which the policy carries.
    """

    name: str
    digest: str
    images: int
    resolution: int
    id: str | None = None
    pictures: Pictures | None = None


@dataclass(frozen=True)
class Conclusion:
    """The ranking, best first, and the selected policy with its selection."""

    ranking: list[Ranked]
    policy: Policy


def conclude(
    spec: SearchSpec,
    candidates: Sequence[Candidate],
    history: History,
    images: SearchedImages,
    *,
    exhausted: str | None = None,
    stopped: bool = False,
    further: Mapping[str, Any] | None = None,
) -> Conclusion | None:
    """Rank what completed and select from it; None where nothing completed.

    Args:
        exhausted: the budget that ended the search early: trials, iterations or seconds.
        stopped: whether somebody asked for the end.
        further: more for the provenance of the policy.
    """
    ranking = standing(spec, candidates, history)
    if not ranking:
        return None
    first = ranking[0]
    fresh = [seed for seed in first.reported_seeds if seed not in first.seed_numbers]
    named = asdict(replace(images, pictures=None))
    provenance = {
        "dataset": {name: value for name, value in named.items() if value is not None},
        "seeds": [*first.seed_numbers, *fresh],
        "trials": len(history.trials),
        "iterations_spent": sum(trial.iterations_run for trial in history.trials),
        "seconds": round(history.elapsed_seconds, 1),
        "budget_exhausted": exhausted,
        "stopped_by_request": stopped,
        **(further or {}),
    }
    policy = select(spec, list(candidates), ranking, provenance)
    if images.pictures is not None and not images.pictures.is_default:
        policy = policy.model_copy(update={"input": images.pictures})
    return Conclusion(ranking, policy)
