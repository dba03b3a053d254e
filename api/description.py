"""What the gate does, as OpenAPI says it: keys, and the errors that any request may get."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api.problems import responses

_SCHEME = {"type": "http", "scheme": "bearer", "description": "An API key; see docs/access.md."}
_OPEN = ("/healthz", "/livez", "/readyz")
_ANYWHERE = (400, 401, 403, 413, 422, 429, 503)


def describe_access(app: FastAPI) -> None:
    """Add the scheme, and the gate's answers to all operations that need a key."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema["components"]["securitySchemes"] = {"key": _SCHEME}
            for path, methods in schema["paths"].items():
                for operation in methods.values():
                    if path not in _OPEN:
                        operation["security"] = [{"key": []}]
                        _add_errors(operation["responses"])
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]


def _add_errors(known: dict[str, Any]) -> None:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, entry in responses(*_ANYWHERE).items():
        found = known.get(str(status), {"description": entry["description"]})
        known[str(status)] = {**found, "content": content}
