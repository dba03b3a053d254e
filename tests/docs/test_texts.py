"""Links lead somewhere, addresses exist, and what is shown as code works."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import torch

from api.app import create_app
from quarterturn.policy import parse_policy
from quarterturn.policy.recipes import moco_v2
from quarterturn.search.spec import parse_search
from quarterturn.space import parse_space
from tests.docs.texts import DOCS, ROOT, blocks, read

_DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md")),
]


def _anchor(heading: str) -> str:
    plain = re.sub(r"[^\w\- ]", "", heading.lower())
    return plain.strip().replace(" ", "-")


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_links_lead_to_files_and_headings(name: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", read(name)):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), f"{name} links to {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in map(_anchor, headings), f"{name} links to {link}"


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_files_that_are_named_exist(name: str) -> None:
    # Paths of other places are named in docs/deployment.md and by placeholders in capitals.
    folders = "api|core|migrations|quarterturn|workers"
    for path in re.findall(rf"`((?:{folders})/[\w/.]*)`", read(name)):
        assert (ROOT / path).exists() or "m0002" in path, f"{name} names {path}"


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_documents_are_plain(name: str) -> None:
    text = read(name)
    assert text.startswith("# ")
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert text.count("```") % 2 == 0
    for block in blocks(text, "json"):
        json.loads(block)
    for block in blocks(text, "python"):
        ast.parse(block)


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_make_targets_exist(name: str) -> None:
    makefile = read("Makefile")
    for target in re.findall(
        r"make (?:PYTHON=\S+ )?([a-z]+)\b(?!-)",
        "\n".join(re.findall(r"`[^`]+`|^make .+$", read(name), re.MULTILINE)),
    ):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{name} names make {target}"


def test_routes_are_documented() -> None:
    routes = {
        f"{method.upper()} {path}"
        for path, methods in create_app().openapi()["paths"].items()
        for method in methods
    }
    assert set(re.findall(r"^### `([A-Z]+ /\S*)`$", read("docs/api.md"), re.MULTILINE)) == routes


def test_bodies_of_calls_are_accepted() -> None:
    bodies = [
        json.loads(body)
        for name in ("README.md", "docs/api.md")
        for body in re.findall(r"-d '(\{.*?\})'", read(name), re.DOTALL)
    ]
    searches = [body for body in bodies if "search_space" in body]
    assert len(searches) == 3
    for body in searches:
        parse_search({key: value for key, value in body.items() if key != "dataset_id"})


def test_examples_of_documents_are_valid() -> None:
    parse_policy(json.loads(blocks(read("docs/policy.md"), "json")[0]))
    for block in blocks(read("docs/search-spaces.md"), "json"):
        parse_space(json.loads(block))


def test_the_training_loop_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search, loop = blocks(read("README.md"), "python")
    assert sum(bool(line.strip()) for line in search.splitlines()) <= 5
    assert sum(bool(line.strip()) for line in loop.splitlines()) < 10
    (tmp_path / "policy.json").write_text(json.dumps(moco_v2().to_document()))
    monkeypatch.chdir(tmp_path)
    linear = torch.nn.Linear(3 * 16 * 16, 8)
    encoder = torch.nn.Sequential(torch.nn.Flatten(), linear)
    before = linear.weight.detach().clone()
    names = {
        "dataset": list(torch.rand(8, 3, 16, 16)),
        "encoder": encoder,
        "contrastive_loss": torch.nn.functional.mse_loss,
        "optimizer": torch.optim.SGD(encoder.parameters(), lr=0.1),
    }
    exec(compile(loop, "README.md", "exec"), names)
    assert not torch.equal(before, linear.weight)
