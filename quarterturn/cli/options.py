"""Options shared by commands, and the parsing of their values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from quarterturn.errors import InvalidInputError

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder of datasets and embedded databases [default: ~/.quarterturn].",
        show_default=False,
    ),
]


def name_or_document(value: str, what: str) -> Any:
    """A name, an inline JSON document, or the path of a JSON file.

    Raises:
        InvalidInputError: it looks like a document but is not JSON.
    """
    text = value
    if value.endswith(".json"):
        try:
            text = Path(value).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(
                f"The {what} file {value} cannot be read: {error}.", code="file_unreadable"
            ) from None
    elif not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"The {what} is not JSON: {error}.", code="invalid_json") from None
