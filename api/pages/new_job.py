"""What the form for a new job offers."""

from __future__ import annotations

from typing import Any, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.store.tables import Dataset, Job
from quarterturn.policy.operations import OPERATIONS
from quarterturn.pretrain.spec import (
    REFERENCE_CRITERIA,
    CriterionName,
    EncoderName,
    MethodName,
    PretrainingSpec,
)
from quarterturn.score.catalogue import CRITERIA
from quarterturn.search.spec import parse_search
from quarterturn.space import PRESETS, count_candidates, parse_space, space_warnings
from quarterturn.space.schema import (
    Domain,
    Grid,
    PipelineSpace,
    RandAugmentSpace,
    Range,
    RecipesSpace,
    SearchSpace,
    ShuffledOperations,
    SpaceOperation,
)

_SUMMARIES = {
    "recipes": "Known recipes, then these with one operation changed. The default.",
    "photometric": "Crop, flip, color jitter, grayscale, solarize, blur and cutout, with searched "
    "strengths and probabilities.",
    "rand-augment": "One to three of 15 operations per image, all at one strength.",
    "selfaugment": "Five sub-policies of two operations each, with free probabilities and "
    "strengths.",
    "single-operation": "Each operation alone: what matters most on these images?",
}
#: The searches that the form offers, with their words.
SEARCHES = {
    "recipes": "Recipes: what is known to work, then one operation changed at a time",
    "successive_halving": "Successive halving: short trainings sort out, the rest go on",
    "asha": "ASHA: the same without waiting, for many workers",
    "random": "Random: all candidates at full length",
    "grid": "Grid: every combination",
    "density_matching": "Density matching (SelfAugment): scores many policies without training",
}
_AUTO = "Expected gain over the policy that is used today, from rotation and a reference."
_DATASETS_SHOWN = 200


def _words(domain: Domain) -> str:
    if isinstance(domain, Grid):
        return ", ".join(f"{value:g}" for value in domain.values)
    return f"{domain.min:g} to {domain.max:g}" if isinstance(domain, Range) else f"{domain:g}"


def _operation(item: SpaceOperation) -> dict[str, str]:
    info = OPERATIONS.get(item.op)
    parts = []
    if info is None:
        parts.append(f"cuts away up to {_words(item.strengths)} of the area")
    elif info.has_strength:
        parts.append(f"strength {_words(item.strengths)} ({info.unit})")
    if item.probability != 1.0:
        parts.append(f"probability {_words(item.probability)}")
    summary = info.summary if info else "Crop a random part and scale it up."
    return {"name": item.op, "summary": summary, "searched": "; ".join(parts) or "as it is"}


def _operations(space: SearchSpace) -> list[dict[str, str]]:
    if isinstance(space, RecipesSpace):
        part = "in the recipe or not, at the usual strengths"
        return [
            {**_operation(SpaceOperation(op=name)), "searched": part} for name in space.operations
        ]
    if isinstance(space, RandAugmentSpace):
        part = f"strength {_words(space.magnitude)} of the range"
        return [
            {**_operation(SpaceOperation(op=name)), "searched": part} for name in space.operations
        ]
    if isinstance(space, PipelineSpace):
        items: list[SpaceOperation] = []
        for entry in space.operations:
            items += entry.of if isinstance(entry, ShuffledOperations) else [entry]
        return [_operation(item) for item in items]
    return [_operation(item) for item in space.operations]


def _spaces() -> list[dict[str, Any]]:
    found = []
    for name in _SUMMARIES:
        space = parse_space(name)
        found.append(
            {
                "name": name,
                "summary": _SUMMARIES[name],
                "count": count_candidates(space),
                "warnings": [warning["message"] for warning in space_warnings(space)],
                "operations": _operations(space),
            }
        )
    assert set(_SUMMARIES) == set(PRESETS)
    return found


def form(session: Session, dataset: str | None, like: Job | None) -> dict[str, Any]:
    """What the template needs; `like` is a job whose settings are taken over."""
    rows = session.execute(
        select(Dataset.id, Dataset.name, Dataset.images, Dataset.resolution)
        .where(Dataset.state == "ready")
        .order_by(Dataset.id.desc())
        .limit(_DATASETS_SHOWN)
    ).all()
    defaults = parse_search({})
    return {
        "datasets": rows,
        "chosen": like.dataset_id if like else dataset,
        "spaces": _spaces(),
        "searches": SEARCHES,
        "encoders": get_args(EncoderName),
        "methods": get_args(MethodName),
        # The form has no field for the reference that the others need.
        "criteria": {
            name: CRITERIA[name].summary if name in CRITERIA else _AUTO
            for name in get_args(CriterionName)
            if name not in REFERENCE_CRITERIA
        },
        "pretraining": PretrainingSpec(),
        "defaults": defaults,
        "like": {"name": like.name, "spec": like.spec} if like else None,
    }
