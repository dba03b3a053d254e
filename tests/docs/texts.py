"""Reading the documents: files, tables, code blocks; and the tables that the code prescribes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from core.settings import Settings
from quarterturn.policy.operations import OPERATIONS
from quarterturn.space import PRESETS, count_candidates, parse_space
from quarterturn.space.schema import RecipesSpace

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_TYPES = {
    "Path": "path",
    "str": "text",
    "str | None": "text",
    "bool": "true or false",
    "int": "whole number",
    "float": "number",
    "list[pathlib.Path]": "JSON list of paths",
    "list[str]": "JSON list of texts",
    "typing.Literal['json', 'text']": "`json` or `text`",
    "typing.Literal['off', 'auto', 'on']": "`off`, `auto` or `on`",
    "typing.Union[int, typing.Literal['auto']]": "whole number or `auto`",
}


def read(name: str) -> str:
    """A document by its path from the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below the heading, without its own first two lines."""
    _, found, below = text.partition(f"\n{heading}\n")
    assert found, f"there is no heading {heading!r}"
    return _cells(below.splitlines(), "|")


def table(text: str, first: str) -> list[list[str]]:
    """The cells of the first table whose head begins with the cells `first`, without the head."""
    return _cells(text.splitlines(), f"| {first} |")


def _cells(lines: list[str], beginning: str) -> list[list[str]]:
    start = next(at for at, line in enumerate(lines) if line.startswith(beginning))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip().strip("|").split(" | ")])
    return table


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def codes(cells: list[str]) -> set[str]:
    """What stands between backticks in the cells."""
    return {code for cell in cells for code in re.findall(r"`([^`]+)`", cell)}


def _default(value: Any) -> str:
    if value is None:
        return "unset"
    if value == Path.home() / ".quarterturn":
        return "`~/.quarterturn`"
    return "`[]`" if value == [] else f"`{value}`"


def settings_table() -> list[str]:
    """The table of docs/settings.md."""
    lines = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        kind_name = kind.__name__ if isinstance(kind, type) else str(kind)
        if str(kind) in _TYPES:
            kind_name = str(kind)
        default = _default(field.get_default(call_default_factory=True))
        lines.append(
            f"| `QUARTERTURN_{name.upper()}` | {_TYPES[kind_name]} | {default} "
            f"| {field.description} |"
        )
    return lines


def operations_table() -> list[str]:
    """The table of operations of docs/policy.md."""
    lines = [
        "| operation | unit of the strength | limit | searched up to | sign | what it does |",
        "|---|---|---|---|---|---|",
    ]
    for info in OPERATIONS.values():
        unit = info.unit + (" (whole)" if info.integer else "")
        limits = [f"{info.limit:g}", f"{info.search_limit:g}"] if info.has_strength else ["-", "-"]
        sign = "yes" if info.signed else "-"
        cells = [f"`{info.name}`", unit or "-", *limits, sign, info.summary]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def presets_table() -> list[str]:
    """The table of presets of docs/search-spaces.md."""
    lines = ["| preset | kind | base | draw | candidates |", "|---|---|---|---|---|"]
    for name in PRESETS:
        space = parse_space(name)
        count = count_candidates(space)
        size = "without end" if count is None else str(count)
        based = not isinstance(space, RecipesSpace)
        own = f"`{space.base}` | `{space.draw}`" if based else "- | -"
        lines.append(f"| `{name}` | `{space.kind}` | {own} | {size} |")
    return lines
