"""Reading and writing policy files, and their published JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quarterturn.errors import InvalidInputError
from quarterturn.policy.schema import NEWEST_VERSION, SCHEMA_VERSION, Policy
from quarterturn.validation import parse


def parse_policy(document: Any) -> Policy:
    """Validate a policy document.

    Raises:
        InvalidInputError: code `invalid_policy`, or `policy_too_new` for a later schema version.
    """
    version = document.get("schema_version", SCHEMA_VERSION) if isinstance(document, dict) else None
    if isinstance(version, int) and version > NEWEST_VERSION:
        raise InvalidInputError(
            f"This policy has schema version {version}, and this release reads up to version "
            f"{NEWEST_VERSION}. Upgrade quarterturn to use it.",
            code="policy_too_new",
            fields=[{"path": "$.schema_version", "message": f"at most {NEWEST_VERSION}"}],
        )
    return parse(Policy, document, code="invalid_policy", what="policy")


def read_policy(path: str | Path) -> Policy:
    """Read a policy file.

    Raises:
        InvalidInputError: the file is missing, is not JSON, or holds no valid policy.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"The policy file {path} cannot be read: {error}.", code="invalid_policy"
        ) from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:  # the latter: nested without end
        raise InvalidInputError(
            f"The policy file {path} is not JSON: {error}.", code="invalid_policy"
        ) from None
    return parse_policy(document)


def write_policy(policy: Policy, path: str | Path) -> None:
    """Write a policy file, whole or not at all."""
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_text(json.dumps(policy.to_document(), indent=2) + "\n", encoding="utf-8")
    partial.replace(target)


def policy_json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that docs/policy.schema.json publishes."""
    schema = Policy.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
