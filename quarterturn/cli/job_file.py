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


def asked_in(path: Path) -> dict[str, Any]:
    """Arguments of `quarterturn.Search`, `name` and `worker` from a job file.

    Raises:
        InvalidInputError: `invalid_job`, a field is not known, or as of `read_job_file`.
    """
    from quarterturn.client.fields import JobFields

    body = read_job_file(path)
    known = sorted(JobFields.__annotations__)
    if "dataset_id" in body:
        raise InvalidInputError(
            f"{path} names a dataset_id, but a search reads the images of its own line. Leave it "
            "out, or start the job by `quarterturn jobs start`.",
            code="invalid_job",
            fields=[{"path": "$.dataset_id", "message": "is not taken here"}],
        )
    if unknown := [name for name in body if name not in known]:
        raise InvalidInputError(
            f"{path} has fields that are not known: {', '.join(unknown)}. A job has "
            f"{', '.join(known)}.",
            code="invalid_job",
            fields=[{"path": f"$.{name}", "message": "is not known"} for name in unknown],
        )
    if (space := body.pop("search_space", None)) is not None:
        body["space"] = space
    if (final := body.pop("final_pretraining", None)) is not None:
        if not isinstance(final, dict) or set(final) != {"iterations"}:
            raise InvalidInputError(
                "$.final_pretraining must have iterations, and nothing else.", code="invalid_job"
            )
        body["final_iterations"] = final["iterations"]
    return body


def over(line: dict[str, Any], file: Path | None) -> dict[str, Any]:
    """What the line asks for, and what it leaves open as the file has it."""
    given = {name: value for name, value in line.items() if value is not None}
    return {**line, **asked_in(file), **given} if file is not None else line


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
