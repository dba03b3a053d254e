"""Query parameters: those that a route does not have are refused, rather than ignored."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from quarterturn.errors import InvalidInputError

JobState = Literal[
    "queued", "running", "paused", "stopping", "cancelling", "completed", "failed", "cancelled"
]
TrialState = Literal["queued", "running", "completed", "failed", "crashed", "cancelled"]


def _names(dependant: Dependant) -> set[str]:
    found = {field.alias for field in dependant.query_params}
    return found.union(*(_names(part) for part in dependant.dependencies))


async def refuse_unknown(request: Request) -> None:
    """Refuse query parameters that the route does not have.

    Raises:
        InvalidInputError: `invalid_request`, naming them and those there are.
    """
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    known = sorted(_names(route.dependant))
    unknown = [name for name in request.query_params if name not in known]
    if not unknown or not route.path.startswith("/v1/"):
        return
    near = get_close_matches(unknown[0], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}."
    raise InvalidInputError(
        f"There is no query parameter {unknown[0]!r} here; {hint}",
        code="invalid_request",
        fields=[
            {"path": f"query.{name}", "message": "is not known", "allowed": known}
            for name in unknown
        ],
    )
