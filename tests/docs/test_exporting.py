"""docs/exporting.md holds what the code says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from quarterturn.export import FORMATS, Options, export
from quarterturn.export.releases import RELEASES
from quarterturn.policy.recipes import moco_v2
from tests.docs.exports_table import notes_table, support_table
from tests.docs.texts import blocks, codes, read, table
from tests.export import matrix
from tests.export.libraries import module


@pytest.mark.parametrize("line", [*support_table(), *notes_table()])
def test_tables_of_operations(line: str) -> None:
    assert line in read("docs/exporting.md").splitlines()


def test_no_other_operations_or_notes() -> None:
    text = read("docs/exporting.md")
    assert len(table(text, "operation")) == len(support_table()) - 2
    assert len(table(text, "library")) == len(notes_table()) - 2


def test_formats() -> None:
    listed = table(read("docs/exporting.md"), "format")
    assert [next(iter(codes([row[0]]))) for row in listed] == list(FORMATS)
    for name, row in zip(FORMATS, listed, strict=True):
        made = export(moco_v2(), name, Options(size=32))
        assert row[1].strip("`") == made.filename
        assert row[2].strip("`") == made.media_type


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    import torch
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for name in FORMATS:
        made = export(moco_v2(), name, Options(size=64))
        (tmp_path / made.filename).write_text(made.text)
        if made.filename.endswith(".py"):
            file = made.filename.removesuffix(".py")
            monkeypatch.setitem(sys.modules, file, module(made.text))
    names = {
        "picture": Image.new("RGB", (64, 64), (9, 90, 200)),
        "images": torch.rand(4, 3, 64, 64),
    }
    examples = blocks(read("docs/exporting.md"), "python")
    assert len(examples) == 8
    for example in examples:
        exec(compile(example, "exporting.md", "exec"), dict(names))


def test_the_table_of_real_use_is_what_was_found() -> None:
    text = read("docs/exporting.md")
    assert "\n".join(matrix.table()) in text
    assert len(table(text, "export")) == len(matrix.record())


@pytest.mark.parametrize("library", RELEASES)
def test_files_take_the_releases_that_were_tried(library: str) -> None:
    tried = {
        tuple(int(part) for part in version.split("."))
        for row in matrix.record()
        for name, version in row["versions"].items()
        if name == library
    }
    oldest, newest = RELEASES[library]
    assert min(tried)[: len(oldest)] == oldest
    assert max(tried)[: len(newest)] == newest


def test_the_embedded_example_of_differences_is_one() -> None:
    (example,) = blocks(read("docs/exporting.md"), "json")
    made = export(moco_v2(), "torchvision")
    assert json.loads(example) in [item.to_dict() for item in made.differences]
