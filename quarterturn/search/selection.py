"""The selected policy: the first of the ranking, with its score, ties, evidence and provenance.

Where the ranking says nothing, the incumbent stays, and the selection says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from quarterturn.policy.schema import Policy
from quarterturn.policy.warnings import policy_warnings
from quarterturn.pretrain.spec import AUTO
from quarterturn.search.decision.verdict import assess_decision
from quarterturn.search.evidence import Evidence, assess
from quarterturn.search.history import Candidate
from quarterturn.search.incumbent import incumbent
from quarterturn.search.ranking import Ranked
from quarterturn.search.spec import SearchSpec
from quarterturn.space.warnings import space_warnings
from quarterturn.versions import versions


def assess_ranking(spec: SearchSpec, ranking: list[Ranked]) -> Evidence:
    """The evidence in a ranking that is not empty, by the criterion of the search."""
    if spec.scoring.criterion == AUTO and ranking[0].probability is not None:
        evidence = assess_decision(ranking, incumbent(spec).key)
        return replace(evidence, warm_start=spec.pretraining.is_warm)
    return assess(ranking, spec.scoring.criterion, warm_start=spec.pretraining.is_warm)


def _chosen(spec: SearchSpec, ranking: list[Ranked], evidence: Evidence) -> Ranked | None:
    """The first; without evidence the incumbent, or None where that was not measured."""
    if evidence.level != "none":
        return ranking[0]
    key = incumbent(spec).key
    return next((e for e in ranking if e.candidate == key), None)


def evidence_warnings(
    spec: SearchSpec, ranking: list[Ranked], evidence: Evidence
) -> list[dict[str, Any]]:
    """What is to be known of the selection: a baseline won, nothing was shown, doubts."""
    chosen = _chosen(spec, ranking, evidence)
    found: list[tuple[str, str]] = []
    if evidence.level == "none":
        found.append(
            (
                "no_evidence",
                f"There is no evidence for any other policy; {incumbent(spec).name} is used as the "
                "default, not as a choice made from these images.",
            )
        )
    elif chosen is not None and chosen.origin == "baseline":
        found.append(("baseline_selected", f"No searched policy beat the baseline {chosen.name}."))
    found += evidence.reasons
    return [{"code": code, "message": message} for code, message in found]


def _without_policies(strategy: dict[str, Any]) -> dict[str, Any]:
    """A strategy without the policies of a list, of which there may be a thousand."""
    found = {key: value for key, value in strategy.items() if not isinstance(value, list | dict)}
    for key, value in strategy.items():
        if isinstance(value, dict):
            found[key] = _without_policies(value)
        elif isinstance(value, list):
            plain = not any(isinstance(item, dict) for item in value)
            found[key] = value if plain else f"{len(value)} given"
    return found


def measured_on(entry: Ranked) -> str:
    """What the score that is reported was measured on."""
    if entry.reported is None:
        return "the images and seeds that were selected on"
    if set(entry.reported_seeds) & set(entry.seed_numbers):
        return "images that selection never saw, with the seeds that were selected on"
    return "images and seeds that selection never saw"


def _scores(best: Ranked, ranking: list[Ranked]) -> dict[str, Any]:
    """The scores of the selection: not those selected on, where anything else was measured."""
    score, error = best.score, best.standard_error
    if best.reported is not None and best.reported_error is not None:
        score, error = best.reported, best.reported_error
    none = next(
        (
            e
            for e in ranking
            if e.origin == "baseline"
            and e.name == "none"
            and (e.stage, e.iterations) == (best.stage, best.iterations)
        ),
        None,
    )
    without = None
    if none is not None:
        without = none.reported if best.reported is not None else none.score
    names = {entry.candidate: entry.name for entry in ranking}
    return {
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
        "rank": best.rank,
        "tied_with": [names[key] for key in best.tied_with],
        "expected_gain": _expected_gain(best),
        "gain_over_no_augmentation": None if without is None else round(score - without, 6),
    }


def _expected_gain(best: Ranked) -> dict[str, Any] | None:
    """Over the incumbent, as fractions of accuracy; None but with the criterion `auto`."""
    if best.probability is None or best.interval is None:
        return None
    gain = best.score if best.reported is None else best.reported
    return {
        "gain": round(gain, 6),
        "low": round(best.interval[0], 6),
        "high": round(best.interval[1], 6),
        "probability": round(best.probability, 4),
    }


def select(
    spec: SearchSpec, candidates: list[Candidate], ranking: list[Ranked], provenance: dict[str, Any]
) -> Policy:
    """The policy to hand out; `ranking` must not be empty."""
    criterion = spec.scoring.criterion
    evidence = assess_ranking(spec, ranking)
    best = _chosen(spec, ranking, evidence)
    if best is None:
        policy, scores = incumbent(spec).policy, {"score": None, "rank": None}
    else:
        policy = next(c.policy for c in candidates if c.key == best.candidate)
        scores = _scores(best, ranking)
    selection = {
        "criterion": criterion,
        **scores,
        "evidence": evidence.to_dict(),
        "incumbent": incumbent(spec).name,
        "candidates": len(ranking),
        "warnings": [
            *policy_warnings(policy),
            *space_warnings(spec.search_space),
            *evidence_warnings(spec, ranking, evidence),
        ],
        "provenance": {
            **provenance,
            "search_space": spec.search_space.model_dump(mode="json"),
            "strategy": _without_policies(spec.strategy.model_dump(mode="json")),
            "budget": spec.budget.model_dump(mode="json"),
            "seed": spec.seed,
            "iterations": (best or ranking[0]).iterations,
            "encoder": spec.pretraining.encoder,
            "method": spec.pretraining.method,
            "pretraining": spec.pretraining.model_dump(mode="json"),
            "scoring": spec.scoring.model_dump(mode="json"),
            "versions": versions(),
        },
    }
    return policy.model_copy(update={"selection": selection})
