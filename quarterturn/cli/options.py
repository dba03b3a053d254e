"""Options shared by commands, and the parsing of their values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from quarterturn.errors import InvalidInputError

DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of datasets and embedded databases [default: ~/.quarterturn].",
                 show_default=False),
]  # fmt: skip

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


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


def parse_budget(values: list[str]) -> dict[str, Any]:
    """`150s`, `10m`, `2h`, `trials=40`, `iterations=5000`, `seconds=90`.

    Raises:
        InvalidInputError: none of these.
    """
    budget: dict[str, Any] = {}
    for value in (part for text in values for part in text.split(",")):
        duration = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", value)
        named = re.fullmatch(r"(trials|iterations|seconds)=(\d+)", value)
        if duration:
            budget["seconds"] = float(duration[1]) * _UNITS[duration[2]]
        elif named:
            budget[named[1]] = int(named[2])
        else:
            raise InvalidInputError(
                f"{value!r} is no budget. Write a time such as 150s, 10m or 2h, or "
                "trials=40 or iterations=5000.",
                code="invalid_budget",
            )
    return budget
