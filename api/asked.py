"""What a process of `core.planner` does for the API: read a body, check the search, and plan it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from api.job_detail import detail
from api.json_bodies import parse_json
from core.jobs.bounds import refuse_oversized
from core.jobs.create import create_job
from core.jobs.estimate import estimate
from core.logs import bound
from core.settings import get_settings
from core.store.database import session_scope, statement_scope
from quarterturn.errors import InvalidInputError
from quarterturn.search.spec import parse_search
from quarterturn.space import count_candidates, space_warnings


def warm_up() -> None:
    """Import what the others need."""


def _object(body: Any) -> dict[str, Any]:
    document = parse_json(body) if isinstance(body, bytes) else body
    if not isinstance(document, dict):
        raise InvalidInputError(
            "The request is not valid: $ must be a JSON object.",
            code="invalid_request",
            fields=[{"path": "$", "message": "must be a JSON object"}],
        )
    return document


@dataclass(frozen=True)
class Created:
    """A job that was queued: its `JobDetail` as JSON, and the trials to dispatch."""

    job_id: str
    detail: bytes
    due: list[str]


def created(body: bytes, owner: str, request_id: str | None) -> Created:
    """Queue the search that a body describes.

    Raises:
        QuarterturnError: see `create_job`, and those of JSON.
    """
    request = _object(body)
    with bound(request_id=request_id), session_scope(owner) as session:
        job, due = create_job(session, request, get_settings())
        session.refresh(job)
        return Created(job.id, detail(session, job).model_dump_json().encode(), due)


def validated(body: bytes, owner: str) -> bytes:
    """The `ValidationBody` of a search, as JSON.

    Raises:
        QuarterturnError: the search or its JSON is not valid.
    """
    search = {k: v for k, v in _object(body).items() if k not in ("dataset_id", "name")}
    spec = parse_search(search)
    refuse_oversized(spec, get_settings())
    with statement_scope(owner) as session:
        found = {
            "valid": True,
            "space": spec.search_space.model_dump(mode="json", exclude_none=True),
            "candidates": count_candidates(spec.search_space),
            "warnings": space_warnings(spec.search_space),
            "estimate": estimate(session, spec),
        }
    return json.dumps(found).encode()
