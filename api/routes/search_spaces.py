"""/v1/search-spaces"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.asked import validated
from api.deps import CallerDep
from api.job_body import SearchBody, SearchRoute
from api.planned import planned_of
from api.problems import responses
from quarterturn.policy.operations import OPERATIONS
from quarterturn.space import PRESETS, count_candidates, parse_space, space_warnings

router = APIRouter(prefix="/v1/search-spaces", tags=["search spaces"], route_class=SearchRoute)


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


@router.post("/validate", response_model=ValidationBody, responses=responses(400, 413, 422, 503))
async def validate(body: SearchBody, request: Request, caller: CallerDep) -> Response:
    """Check a search without starting it: candidate count, warnings and an estimate of cost.

    The body is that of `POST /v1/jobs` without `dataset_id`.
    """
    checked = await planned_of(request).call(request, caller.owner, validated, body, caller.owner)
    return Response(checked, media_type="application/json")
