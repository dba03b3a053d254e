"""The selected policy: the first of the ranking, with its score, ties, evidence and provenance.

Where the ranking says nothing, a recipe of the literature is handed out instead, and says so.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.policies.schema import Policy
from core.policies.warnings import policy_warnings
from core.search.evidence import FALLBACK, Evidence, assess
from core.search.history import CONFIRMATION, Candidate
from core.search.ranking import Ranked, top_group
from core.search.spec import SearchSpec
from core.spaces.warnings import space_warnings


def versions() -> dict[str, str]:
    """Versions that a result depends on; of torch only its number, it is not imported."""
    found = {"python": platform.python_version()}
    for package in ("quarterturn", "torch", "torchvision", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _chosen(ranking: list[Ranked], evidence: Evidence) -> Ranked:
    """The first, or without evidence the fallback among those measured like it."""
    if evidence.level != "none":
        return ranking[0]
    known = [e for e in top_group(ranking) if e.name == FALLBACK and e.origin == "baseline"]
    return known[0] if known else ranking[0]


def evidence_warnings(ranking: list[Ranked], evidence: Evidence) -> list[dict[str, Any]]:
    """What is to be known of the selection: a baseline won, nothing was shown, doubts."""
    chosen = _chosen(ranking, evidence)
    found: list[tuple[str, str]] = []
    if evidence.level == "none":
        found.append(
            (
                "no_evidence",
                f"These images give no evidence for any policy; {chosen.name} is handed out as "
                "the usual recipe, not as a choice made from them.",
            )
        )
    elif chosen.origin == "baseline":
        found.append(("baseline_selected", f"No searched policy beat the baseline {chosen.name}."))
    found += evidence.reasons
    return [{"code": code, "message": message} for code, message in found]


def measured_on(entry: Ranked) -> str:
    """What the score that is reported was measured on."""
    if entry.reported is None:
        return "the images and seeds that were selected on"
    if entry.stage == CONFIRMATION:
        return "images and seeds that selection never saw"
    return "images that selection never saw, with the seeds that were selected on"


def select(
    spec: SearchSpec, candidates: list[Candidate], ranking: list[Ranked], provenance: dict[str, Any]
) -> Policy:
    """The policy to hand out; `ranking` must not be empty."""
    criterion = spec.scoring.criterion
    evidence = assess(ranking, criterion)
    best = _chosen(ranking, evidence)
    policy = next(c.policy for c in candidates if c.key == best.candidate)
    names = {entry.candidate: entry.name for entry in ranking}
    none = next(
        (e for e in top_group(ranking) if e.origin == "baseline" and e.name == "none"), None
    )
    # Never what was selected on, where something else was measured.
    score, error = best.score, best.standard_error
    if best.reported is not None and best.reported_error is not None:
        score, error = best.reported, best.reported_error
    gain = None
    if none is not None:
        without = none.reported if best.reported is not None else none.score
        gain = score - without if without is not None else None
    selection = {
        "criterion": criterion,
        "score": round(score, 6),
        "standard_error": round(error, 6),
        "seeds": len(best.reported_seeds) or best.seeds,
        "measured_on": measured_on(best),
        "selected_on": {
            "stage": best.stage,
            "score": round(best.score, 6),
            "standard_error": round(best.standard_error, 6),
            "seeds": best.seeds,
        },
        "evidence": evidence.to_dict(),
        "rank": best.rank,
        "candidates": len(ranking),
        "tied_with": [names[key] for key in best.tied_with],
        "gain_over_no_augmentation": None if gain is None else round(gain, 6),
        "warnings": [
            *policy_warnings(policy), *space_warnings(spec.search_space),
            *evidence_warnings(ranking, evidence),
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
