"""The selected policy: the first of the ranking, with its score, ties, warnings and provenance."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.policies.schema import Policy
from core.policies.warnings import policy_warnings
from core.search.history import Candidate
from core.search.ranking import Ranked
from core.search.spec import SearchSpec
from core.spaces.warnings import space_warnings

_CHANCE = 0.25


def versions() -> dict[str, str]:
    """Versions that a result depends on; of torch only its number, it is not imported."""
    found = {"python": platform.python_version()}
    for package in ("quarterturn", "torch", "torchvision", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def ranking_warnings(ranking: list[Ranked]) -> list[dict[str, Any]]:
    """Warnings about the evidence: ties with baselines, scores at chance, collapse, one seed."""
    best = ranking[0]
    found: list[tuple[str, str]] = []
    peers = {entry.candidate: entry for entry in ranking}
    tied = [peers[key].name for key in best.tied_with if peers[key].origin == "baseline"]
    if best.origin == "baseline":
        found.append(("baseline_selected", f"No searched policy beat the baseline {best.name}."))
    elif tied:
        found.append(("tied_with_baseline", f"Not distinguishable from {', '.join(tied)}."))
    if best.score - 2 * best.sampling_error <= _CHANCE:
        found.append(
            (
                "rotation_at_chance",
                "Rotation cannot be told on these images: the best score is at chance.",
            )
        )
    rung = [entry for entry in ranking if entry.iterations == best.iterations]
    if len(rung) > 1 and len(best.tied_with) == len(rung) - 1:
        found.append(("all_tied", "No evidence: all candidates at full length are tied."))
    if best.seeds < 2:
        found.append(("single_seed", "One seed only: the error is that of the test images alone."))
    if best.collapsed:
        found.append(("collapsed", "Every candidate collapsed."))
    return [{"code": code, "message": message} for code, message in found]


def select(
    spec: SearchSpec, candidates: list[Candidate], ranking: list[Ranked], provenance: dict[str, Any]
) -> Policy:
    """The policy to hand out; `ranking` must not be empty."""
    best = ranking[0]
    policy = next(c.policy for c in candidates if c.key == best.candidate)
    names = {entry.candidate: entry.name for entry in ranking}
    none = next(
        (e for e in ranking if e.origin == "baseline" and e.name == "none"
         and e.iterations == best.iterations), None,
    )  # fmt: skip
    selection = {
        "criterion": "rotation",
        "score": round(best.score, 6),
        "standard_error": round(best.standard_error, 6),
        "seeds": best.seeds,
        "rank": best.rank,
        "candidates": len(ranking),
        "tied_with": [names[key] for key in best.tied_with],
        "gain_over_no_augmentation": round(best.score - none.score, 6) if none else None,
        "warnings": [
            *policy_warnings(policy), *space_warnings(spec.search_space), *ranking_warnings(ranking)
        ],
        "provenance": {
            **provenance,
            "search_space": spec.search_space.model_dump(mode="json"),
            "strategy": spec.strategy.model_dump(mode="json", exclude={"candidates": {"__all__"}})
            if spec.strategy.kind == "list"
            else spec.strategy.model_dump(mode="json"),
            "budget": spec.budget.model_dump(mode="json"),
            "seed": spec.seed,
            "iterations": best.iterations,
            "encoder": spec.pretraining.encoder,
            "method": spec.pretraining.method,
            "pretraining": spec.pretraining.model_dump(mode="json"),
            "scoring": spec.scoring.model_dump(mode="json"),
            "versions": versions(),
        },
    }  # fmt: skip
    return policy.model_copy(update={"selection": selection})
