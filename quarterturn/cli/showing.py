"""What commands print: lines for people, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from quarterturn.errors import InvalidInputError, UnavailableError, library_missing

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
#: Of `--output`: standard output.
STDOUT = Path("-")


def show(document: Any, as_json: bool, line: Callable[[Any], str]) -> None:
    """Print a document, or each of a list: as JSON, or by `line`."""
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    for item in document if isinstance(document, list) else [document]:
        typer.echo(line(item))


def deleted(what: str, as_json: bool, how: str = "deleted") -> None:
    """Say that something is deleted."""
    show({"id": what, how: True}, as_json, lambda one: f"{one['id']} is {how}.")


def write(path: Path, data: bytes) -> None:
    """Write a file, or to standard output for `-`.

    Raises:
        UnavailableError: `output_not_writable`.
    """
    if path == STDOUT:
        typer.get_binary_stream("stdout").write(data)
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be written: {error}. Choose another with --output.",
            code="output_not_writable",
        ) from None


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row without nesting: what is nested becomes `a.b`, lists JSON."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": part for inner, part in flat(value).items()}
        else:
            found[name] = json.dumps(value) if isinstance(value, list) else value
    return found


def table(rows: Iterable[dict[str, Any]], format: str) -> bytes:
    """Rows as a file: `csv`, `json`, or `parquet`, which needs pandas and pyarrow.

    Raises:
        InvalidInputError: `unknown_format`. UnavailableError: `library_missing`.
    """
    rows = list(rows)
    if format == "json":
        return (json.dumps(rows, indent=2) + "\n").encode()
    plain = [flat(row) for row in rows]
    columns: Sequence[str] = list(dict.fromkeys(name for row in plain for name in row))
    if format == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(plain)
        return text.getvalue().encode()
    if format == "parquet":
        return _parquet(plain, columns)
    raise InvalidInputError(
        f"There is no format {format!r}. The formats are csv, json and parquet.",
        code="unknown_format",
        fields=[
            {"path": "format", "message": "is not known", "allowed": ["csv", "json", "parquet"]}
        ],
    )


def _parquet(rows: list[dict[str, Any]], columns: Sequence[str]) -> bytes:
    try:
        import pandas
        import pyarrow  # noqa: F401 - pandas writes by it
    except ImportError:
        raise library_missing("pandas and pyarrow", "Parquet", "'quarterturn[tables]'") from None
    data: bytes = pandas.DataFrame(rows, columns=list(columns)).to_parquet(index=False)
    return data
