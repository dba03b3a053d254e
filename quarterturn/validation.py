"""Parsing of JSON documents with errors that name the JSON path and the allowed values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from quarterturn.errors import InvalidInputError

ModelT = TypeVar("ModelT", bound=BaseModel)

_MOST_FIELDS = 20


class Document(BaseModel):
    """Base of every JSON document: unknown fields are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def json_path(location: Sequence[int | str], document: Any, *, names_absent: bool = False) -> str:
    """Turn a pydantic location into a JSON path (`$.views[0][2].strength`).

    Pydantic mixes names of union members into locations; whatever is neither a key nor an index
    of the document at that point is such a name and is left out, except for the last part of an
    error about a field that is missing or to be removed (`names_absent`).
    """
    path, node = "$", document
    for position, part in enumerate(location):
        last = names_absent and position == len(location) - 1
        if isinstance(part, int) and isinstance(node, list | tuple):
            path += f"[{part}]"
            node = node[part] if part < len(node) else None
        elif isinstance(node, dict) and part in node:
            path += f".{part}"
            node = node[part]
        elif last and isinstance(node, dict) and isinstance(part, str):
            path += f".{part}"
    return path


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def _message(error: Any) -> tuple[str, list[str]]:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return "is not a known field; remove it or correct its name", []
    if kind == "missing":
        return "is required", []
    if kind in ("literal_error", "enum"):
        return f"must be one of {context['expected']}", _quoted(str(context["expected"]))
    if kind == "union_tag_invalid":
        allowed = _quoted(str(context["expected_tags"]))
        return f"is {context['tag']!r}; it must be one of {', '.join(allowed)}", allowed
    if kind == "union_tag_not_found":
        return f"must be an object with the field {context['discriminator']}", []
    if "allowed" in context:
        return str(error["msg"]), list(context["allowed"])
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return "must be a JSON object", []
    return str(error["msg"]).removeprefix("Value error, ").replace("Input should", "must"), []


def fields_of(error: ValidationError, document: Any) -> list[dict[str, Any]]:
    """The offending fields of a pydantic error, as `{"path", "message", "allowed"?}`."""
    return describe(error.errors(include_url=False, include_input=False), document)


def describe(errors: Iterable[Any], document: Any) -> list[dict[str, Any]]:
    """Like `fields_of`, from a list of pydantic error dictionaries."""
    found: list[dict[str, Any]] = []
    for item in errors:
        message, allowed = _message(item)
        absent = item["type"] in ("missing", "extra_forbidden")
        entry: dict[str, Any] = {"path": json_path(item["loc"], document, names_absent=absent)}
        if item["type"] == "union_tag_invalid":
            entry["path"] += "." + item["ctx"]["discriminator"].strip("'")
        entry["message"] = message
        if allowed:
            entry["allowed"] = allowed
        if entry not in found:
            found.append(entry)
    return found[:_MOST_FIELDS]


def parse(model: type[ModelT], document: Any, *, code: str, what: str) -> ModelT:
    """Validate `document` against `model`.

    Raises:
        InvalidInputError: with `code`, one sentence and the offending fields.
    """
    try:
        # As JSON, strictly: "3" is no number and true no probability, as the schemas say.
        text = json.dumps(document)
    except (TypeError, ValueError, RecursionError):
        raise InvalidInputError(f"The {what} is not a JSON document.", code=code) from None
    if r"\u0000" in text:
        raise InvalidInputError(f"The {what} holds NUL characters; remove them.", code=code)
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        fields = fields_of(error, document)
        first = fields[0]
        raise InvalidInputError(
            f"The {what} is not valid: {first['path']} {first['message']}"
            + (f" (and {len(fields) - 1} more)." if len(fields) > 1 else "."),
            code=code,
            fields=fields,
        ) from None
