"""/v1/search-spaces"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel

from api.deps import SessionDep
from api.problems import responses
from core.jobs.estimate import estimate
from quarterturn.policy.operations import OPERATIONS
from quarterturn.search.spec import parse_search
from quarterturn.space import PRESETS, count_candidates, parse_space, space_warnings

router = APIRouter(prefix="/v1/search-spaces", tags=["search spaces"])


class PresetBody(BaseModel):
    """A preset; `candidates` is null if there are infinitely many."""

    name: str
    space: dict[str, Any]
    candidates: int | None
    warnings: list[dict[str, Any]]


class OperationBody(BaseModel):
    """An operation that spaces and policies may use."""

    name: str
    summary: str
    unit: str
    limit: float
    search_limit: float
    signed: bool


class SpacesBody(BaseModel):
    """What can be searched."""

    presets: list[PresetBody]
    operations: list[OperationBody]


class ValidationBody(BaseModel):
    """The result of a dry check."""

    valid: bool
    space: dict[str, Any]
    candidates: int | None
    warnings: list[dict[str, Any]]
    estimate: dict[str, Any]


@router.get("", response_model=SpacesBody)
def index() -> dict[str, Any]:
    """Preset search spaces, and the operations with their units."""
    presets = []
    for name in PRESETS:
        space = parse_space(name)
        presets.append(
            {
                "name": name,
                "space": space.model_dump(mode="json", exclude_none=True),
                "candidates": count_candidates(space),
                "warnings": space_warnings(space),
            }
        )
    operations = [
        {k: getattr(o, k) for k in OperationBody.model_fields} for o in OPERATIONS.values()
    ]
    return {"presets": presets, "operations": operations}


@router.post("/validate", response_model=ValidationBody, responses=responses(422))
def validate(
    session: SessionDep,
    body: Annotated[
        dict[str, Any],
        Body(
            openapi_examples={
                "preset": {"value": {"search_space": "photometric", "iterations": 300}},
                "own": {
                    "value": {
                        "search_space": {
                            "kind": "pipeline",
                            "operations": [
                                {"op": "random_resized_crop", "strength": {"values": [0.5, 0.8]}},
                                {"op": "rotate", "strength": {"min": 0, "max": 30}},
                            ],
                        }
                    }
                },
            }
        ),
    ],
) -> dict[str, Any]:
    """Check a search without starting it: candidate count, warnings and an estimate of cost.

    The body is that of `POST /v1/jobs` without `dataset_id`.
    """
    search = {key: value for key, value in body.items() if key not in ("dataset_id", "name")}
    spec = parse_search(search)
    return {
        "valid": True,
        "space": spec.search_space.model_dump(mode="json", exclude_none=True),
        "candidates": count_candidates(spec.search_space),
        "warnings": space_warnings(spec.search_space),
        "estimate": estimate(session, spec),
    }
