"""Searches in files, JSON or YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quarterturn.errors import InvalidInputError, UnavailableError


def read_job_file(path: Path) -> dict[str, Any]:
    """The fields of a search, as `POST /v1/jobs` takes them.

    Raises:
        InvalidInputError: `file_unreadable`, `invalid_json`. UnavailableError: `library_missing`,
            of YAML that is not JSON.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"The job file {path} cannot be read: {error}.", code="file_unreadable"
        ) from None
    try:
        found = json.loads(text)
    except ValueError:
        found = _yaml(path, text)
    if not isinstance(found, dict):
        raise InvalidInputError(f"The job file {path} holds no fields.", code="invalid_json")
    return found


def _yaml(path: Path, text: str) -> Any:
    if path.suffix not in (".yaml", ".yml"):
        raise InvalidInputError(
            f"The job file {path} is not JSON. Correct it, or name it .yaml.", code="invalid_json"
        )
    try:
        import yaml
    except ImportError:
        raise UnavailableError(
            "YAML needs PyYAML: pip install pyyaml. JSON needs nothing.", code="library_missing"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInputError(
            f"The job file {path} is not YAML: {error}.", code="invalid_json"
        ) from None
