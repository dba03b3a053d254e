"""The documents as a site: no broken link, nothing loaded from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from core.lifecycle import CHECKPOINT, DATASET, JOB, TABLES, TRIAL
from tests.docs.texts import DOCS, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        "website/mkdocs.yml",
        "--site-dir",
        str(folder),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_document_is_a_page(site: Path) -> None:
    for path in DOCS.rglob("*.md"):
        page = path.relative_to(DOCS).with_suffix(".html")
        assert "<h1" in (site / page).read_text("utf-8"), page
    assert 'id="measured"' in (site / "repository.html").read_text("utf-8"), "README.md"


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(
        r"<(?:script|img|iframe)\b[^>]*\bsrc=[\"']?(?:https?:)?//|"
        r"<link\b(?![^>]*rel=[\"']?canonical)[^>]*\bhref=[\"']?(?:https?:)?//"
    )
    for page in site.rglob("*.html"):
        assert not loaded.search(page.read_text("utf-8")), page
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text("utf-8"))


def test_results_of_benchmarks_are_part_of_it(site: Path) -> None:
    page = (site / "warm-start.html").read_text("utf-8")
    (link, *_) = re.findall(r'href="([^"]+/hpt\.json)"', page)
    assert (site / link).read_bytes() == (ROOT / "benchmarks/results/hpt.json").read_bytes()


def test_states_are_drawn_without_a_script(site: Path) -> None:
    page = (site / "states.html").read_text("utf-8")
    assert "stateDiagram" not in page
    assert "mermaid" not in page
    drawings = re.findall(r"<svg[^>]*class=\"chart\".*?</svg>", page, re.DOTALL)
    assert len(drawings) == len(TABLES)
    for drawing, table in zip(drawings, (JOB, TRIAL, DATASET, CHECKPOINT), strict=True):
        root = ElementTree.fromstring(drawing)
        arrows = {e.text for e in root.iter("{http://www.w3.org/2000/svg}title")}
        changes = {f"{a} may become {b}" for a, targets in table.items() for b in targets}
        assert changes <= arrows
