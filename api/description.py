"""What the gate does, as OpenAPI says it: keys, and the errors that any request may get."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI

from api.problems import responses

_SCHEME = {"type": "http", "scheme": "bearer", "description": "An API key; see docs/access.md."}
_OPEN = ("/healthz", "/livez", "/readyz")
_KEY_OF_REQUEST = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A request that is sent again with the same key is done once; for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
_ANYWHERE = (400, 401, 403, 413, 422, 429, 503)


def describe_access(app: FastAPI) -> None:
    """Add the scheme, and the gate's answers to all operations that need a key."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            _describe_defaults(schema)
            schema["components"]["securitySchemes"] = {"key": _SCHEME}
            for path, methods in schema["paths"].items():
                for method, operation in methods.items():
                    if path in _OPEN:
                        continue
                    operation["security"] = [{"key": []}]
                    repeats = method == "post" and "requestBody" in operation
                    if repeats:
                        operation.setdefault("parameters", []).append(_KEY_OF_REQUEST)
                    _add_errors(operation["responses"], (409,) if repeats else ())
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]


def _describe_defaults(node: Any) -> None:
    """Put defaults that are objects into words: generators of clients drop what has one, and with
    it everything that refers to it.
    """
    if isinstance(node, list):
        for child in node:
            _describe_defaults(child)
    elif isinstance(node, dict):
        default = node.get("default")
        if isinstance(default, dict) and node.keys() & {"$ref", "oneOf", "anyOf", "allOf", "type"}:
            del node["default"]
            said = node.get("description", "").rstrip(".")
            by_default = (
                f"by default {json.dumps(default)}." if default else "by default all of its own."
            )
            node["description"] = f"{said}; {by_default}" if said else f"B{by_default[1:]}"
        for child in node.values():
            _describe_defaults(child)


def _add_errors(known: dict[str, Any], more: tuple[int, ...]) -> None:
    """The answers that any request may get; every error is a problem, and nothing else."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, entry in responses(*_ANYWHERE, *more).items():
        known.setdefault(str(status), {"description": entry["description"]})
    for status in known:
        if status.startswith(("4", "5")):
            known[status] = {**known[status], "content": content}
