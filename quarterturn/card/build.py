"""The card of a search as plain data: enough to judge its choice from it alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quarterturn.card.measure import measure
from quarterturn.card.risks import risks
from quarterturn.export.overview import overview
from quarterturn.policy.schema import Policy
from quarterturn.policy.shares import shares_of
from quarterturn.policy.words import describe
from quarterturn.score.catalogue import CRITERIA
from quarterturn.search.agreement import agreement, means_by_candidate
from quarterturn.search.fullest import Rung, fullest_rung
from quarterturn.search.history import Candidate, Entrant, History
from quarterturn.search.spec import SearchSpec

CARD_VERSION = 1
RANKED_SHOWN = 30
_ASKED = ("search_space", "strategy", "budget", "iterations", "seeds", "seed")


@dataclass(frozen=True)
class CardSource:
    """What a card is made from.

    Attributes:
        policy: the selected one, with its selection.
        job: id, name and times of the search.
        data: name, digest, resolution, counts, mean, std, splits and skipped files of the images.
        ranking: its lines as plain data, best first.
        metrics_of: (candidate, metrics) of the completed trials of a rung that did not collapse.
        importance: what operations are worth, as `quarterturn.search.importance` has it.
        reason: why the search ended early, if it did.
        reproduce: the command that starts the search again, and a note.
        exports: by field, how to get the policy as a file of a format.
    """

    spec: SearchSpec
    policy: Policy
    job: Mapping[str, Any]
    data: Mapping[str, Any]
    history: History
    candidates: Sequence[Candidate | Entrant]
    ranking: Sequence[Mapping[str, Any]]
    metrics_of: Callable[[Rung], Iterable[tuple[str, Mapping[str, Any]]]]
    importance: Mapping[str, Any]
    wall_seconds: float | None
    reason: str | None
    reproduce: Mapping[str, str]
    exports: Mapping[str, Callable[[str], str]] = field(default_factory=dict)


def _searched(source: CardSource) -> dict[str, Any]:
    trials = source.history.trials
    return {
        "candidates": dict(Counter(candidate.origin for candidate in source.candidates)),
        "trials": dict(Counter(trial.state for trial in trials)),
        "stages": dict(Counter(trial.task.split("/", 1)[0] for trial in trials)),
        "iterations": sum(trial.iterations_run for trial in trials),
        "compute_seconds": round(sum(trial.seconds for trial in trials), 1),
        "wall_seconds": source.wall_seconds,
        "pretraining_seeds": sorted({t.seed for t in trials if t.state == "completed"}),
    }


def _agreement(source: CardSource) -> dict[str, Any]:
    rung = fullest_rung(source.history.trials, {c.key for c in source.candidates})
    if rung is None:
        return {"stage": None, "iterations": None, "pairs": []}
    signs = {name: criterion.sign for name, criterion in CRITERIA.items()}
    means = means_by_candidate(source.metrics_of(rung), signs)
    # Those of a reference are measured only where there is one.
    measured = [name for name in CRITERIA if any(name in row for row in means.values())]
    return {
        "stage": rung.stage,
        "iterations": rung.iterations,
        "pairs": agreement(means, measured),
    }


def build_card(source: CardSource) -> dict[str, Any]:
    """The card of the selected policy; see docs/api.md for its fields."""
    policy, spec = source.policy, source.spec.model_dump(mode="json")
    selection = policy.selection or {}
    states = Counter(trial.state for trial in source.history.trials)
    return {
        "card_version": CARD_VERSION,
        "job": dict(source.job),
        "policy": {
            "name": policy.name,
            "digest": policy.digest,
            "words": describe(policy),
            "shares": {
                name: {"rate": share.rate, "strength": share.strength}
                for name, share in shares_of(policy).items()
            },
            "document": policy.model_copy(update={"selection": None}).to_document(),
        },
        "asked": {
            **{name: spec[name] for name in _ASKED},
            "pretraining": spec["pretraining"],
            "scoring": spec["scoring"],
        },
        "data": dict(source.data),
        "searched": _searched(source),
        "measure": measure(spec["scoring"]["criterion"]),
        "evidence": selection.get("evidence"),
        "selection": {
            name: value
            for name, value in selection.items()
            if name not in ("evidence", "warnings", "provenance")
        },
        "ranking": list(source.ranking[:RANKED_SHOWN]),
        "ranking_left_out": max(0, len(source.ranking) - RANKED_SHOWN),
        "agreement": _agreement(source),
        "importance": dict(source.importance),
        "versions": (selection.get("provenance") or {}).get("versions", {}),
        "risks": risks(
            policy,
            mean=source.data["mean"],
            std=source.data["std"],
            collapsed=[entry["name"] for entry in source.ranking if entry["collapsed"]],
            failed=states["failed"] + states["crashed"],
            reason=source.reason,
        ),
        "reproduce": dict(source.reproduce),
        "use": overview(policy, source.data["resolution"], **source.exports),
    }
