"""Every error code and reason of the source is documented, and none that is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import get_args

import pytest

from api.problems import _STATUS
from quarterturn import errors
from quarterturn.search.evidence import Level
from tests.docs.texts import ROOT, codes, read, rows

_PACKAGES = ("api", "core", "quarterturn", "workers")


@lru_cache(maxsize=1)
def _nodes() -> list[ast.AST]:
    files = [path for package in _PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [node for path in files for node in ast.walk(ast.parse(path.read_text("utf-8")))]


def _texts(node: ast.AST | None) -> Iterator[str]:
    """The strings that an expression may have as its value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _texts(value)
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get":
        yield from _texts(node.args[1])  # the default


def _calls(*names: str) -> Iterator[ast.Call]:
    for node in _nodes():
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in names:
                yield node


def _error_codes() -> set[str]:
    found: set[str] = set()
    for node in _nodes():
        if (
            isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == "code" for target in node.targets)
        ) or (isinstance(node, ast.keyword) and node.arg == "code"):
            found.update(_texts(node.value))
    for call in _calls("problem"):
        found.update(_texts(call.args[1]))
    return found


def _documented(heading: str) -> set[str]:
    table = rows(read("docs/errors.md"), heading)
    named = [next(iter(codes([row[0]]))) for row in table]
    assert len(named) == len(set(named))
    return set(named)


def test_error_codes() -> None:
    assert _documented("## Codes") == _error_codes()


def test_codes_are_sorted() -> None:
    named = [row[0] for row in rows(read("docs/errors.md"), "## Codes")]
    assert named == sorted(named)


def _statuses() -> dict[str, set[str]]:
    """Of each code that is raised by a class of its own: the statuses the API gives it."""
    found: dict[str, set[str]] = {}
    for call in _calls(*(kind.__name__ for kind in _STATUS)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        status = next(
            number for kind, number in _STATUS.items() if issubclass(getattr(errors, name), kind)
        )
        for keyword in call.keywords:
            if keyword.arg == "code":
                for code in _texts(keyword.value):
                    found.setdefault(code, set()).add(str(status))
    for call in _calls("problem"):
        for code in _texts(call.args[1]):
            if isinstance(call.args[0], ast.Constant):
                found.setdefault(code, set()).add(str(call.args[0].value))
    return found


@pytest.mark.parametrize(("code", "statuses"), sorted(_statuses().items()))
def test_documented_statuses_are_those_of_the_code(code: str, statuses: set[str]) -> None:
    row = next(row for row in rows(read("docs/errors.md"), "## Codes") if row[0] == f"`{code}`")
    assert row[1] == "-" or set(row[1].split(", ")) <= statuses


def test_reasons_of_skipped_files() -> None:
    found: set[str] = set()
    for call in _calls("UnusableImageError"):
        found.update(_texts(call.args[0]))
    for call in _calls("Skipped", "skip", "Known"):
        if len(call.args) > 1:
            found.update(_texts(call.args[1]))
    assert _documented("## Reasons of skipped files") == found


@pytest.mark.parametrize("heading", ["## Warnings", "## Reasons of trials and jobs"])
def test_documented_warnings_and_reasons_exist(heading: str) -> None:
    known = {
        node.value
        for node in _nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert _documented(heading) <= known


def _pairs(module: str) -> Iterator[ast.Tuple]:
    """The (code, message) literals of a module, wherever they stand."""
    for node in ast.walk(ast.parse(read(module))):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            code, message = node.elts
            text = isinstance(message, ast.JoinedStr) or next(_texts(message), "").endswith(".")
            if text and re.fullmatch(r"[a-z_]+", next(_texts(code), "")):
                yield node


def test_warnings_are_those_of_the_code() -> None:
    found = {
        code
        for module in (
            "quarterturn/search/evidence.py",
            "quarterturn/search/selection.py",
            "quarterturn/search/decision/verdict.py",
        )
        for pair in _pairs(module)
        for code in _texts(pair.elts[0])
    }
    assert _documented("## Warnings") == found | {"rotation_confounded"}


def test_reasons_of_evidence_are_those_of_the_code() -> None:
    found = {
        code for pair in _pairs("quarterturn/search/evidence.py") for code in _texts(pair.elts[0])
    }
    text = read("docs/method.md").partition("\n## Evidence\n")[2].partition("\n## ")[0]
    tables = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert set(tables) == found | set(get_args(Level))
