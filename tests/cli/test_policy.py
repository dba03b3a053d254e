"""`quarterturn policy export|preview|diff|lint`."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from quarterturn.policy import write_policy
from quarterturn.policy.recipes import byol, moco_v2, none
from tests.export.libraries import module


def _run(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quarterturn", "policy", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture
def moco(tmp_path: Path) -> str:
    write_policy(moco_v2(), tmp_path / "moco.json")
    return str(tmp_path / "moco.json")


def test_export_writes_a_file_that_loads(moco: str, tmp_path: Path) -> None:
    done = _run("export", moco, "--format", "torchvision", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "difference: random_resized_crop" in done.stderr
    file = module((tmp_path / "policy_torchvision.py").read_text())
    assert moco_v2().digest == file.DIGEST
    assert {"operation", "message"} == file.DIFFERENCES[0].keys()
    picture = Image.new("RGB", (40, 30), (200, 20, 20))
    assert [view.size for view in file.two_views(picture)] == [(40, 30)] * 2


def test_export_takes_a_size_and_a_view(tmp_path: Path) -> None:
    write_policy(byol(), tmp_path / "byol.json")
    asked = ("--format", "lightly-train", "--size", "64", "--view", "1")
    done = _run("export", "byol.json", *asked, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "policy_lightly_train_view1.json").read_text())
    assert document["quarterturn"]["view"] == 1
    assert document["transform_args"]["image_size"] == [64, 64]
    assert document["transform_args"]["solarize"]["prob"] == 0.2


def test_output_may_be_standard_output(moco: str, tmp_path: Path) -> None:
    done = _run("export", moco, "--output", "-", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert moco_v2().digest == module(done.stdout).DIGEST
    shown = json.loads(_run("show", moco, "--json", folder=tmp_path).stdout)
    assert shown["name"] == "moco_v2"
    assert shown["words"]


def test_preview_is_a_contact_sheet(moco: str, animals: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(animals) as archive:
        archive.extractall(tmp_path / "images", archive.namelist()[:5])
    (tmp_path / "images" / "notes.txt").write_text("no image")
    done = _run(
        "preview",
        moco,
        str(tmp_path / "images"),
        "--count",
        "3",
        "--draws",
        "2",
        "--cell",
        "40",
        "--output",
        str(tmp_path / "sheet.png"),
    )
    assert done.returncode == 0, done.stderr
    assert "3 images, 2 views each" in done.stdout
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * 44 + 4, 18 + 3 * 44 + 4)


def test_show_says_how_a_policy_was_chosen(tmp_path: Path) -> None:
    selections: list[dict[str, Any]] = [
        {
            "criterion": "composite",
            "score": 0.5,
            "standard_error": 0.1,
            "seeds": 1,
            "rank": 1,
            "candidates": 8,
            "measured_on": "images",
            "tied_with": ["simclr"],
            "evidence": {"level": "weak"},
        },
        {
            "criterion": "rotation",
            "score": None,
            "rank": None,
            "candidates": 8,
            "evidence": {"level": "none"},
        },
    ]
    shown = []
    for selection in selections:
        document = {**moco_v2().to_document(), "selection": selection}
        (tmp_path / "chosen.json").write_text(json.dumps(document))
        done = _run("show", str(tmp_path / "chosen.json"))
        assert done.returncode == 0, done.stderr
        shown.append(done.stdout)
    for text in ("composite 0.5 ± 0.1 over 1 seed\n", "rank 1 of 8", "simclr", "evidence: weak"):
        assert text in shown[0]
    assert "evidence: none" in shown[1]
    assert "rank" not in shown[1]


def test_diff_and_lint_say_it_and_set_the_exit_code(moco: str, tmp_path: Path) -> None:
    write_policy(none(), tmp_path / "none.json")
    same = _run("diff", moco, moco)
    assert (same.returncode, same.stdout.strip()) == (0, "Both do the same.")
    differing = _run("diff", moco, str(tmp_path / "none.json"))
    assert differing.returncode == 1
    assert "only moco_v2: grayscale" in differing.stdout
    assert _run("lint", moco).returncode == 0
    odd = _run("lint", str(tmp_path / "none.json"))
    assert (odd.returncode, odd.stdout.partition(":")[0]) == (1, "identity")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["export", "{moco}", "--format", "onnx"], "unknown_format"),
        (["export", "{moco}", "--format", "albumentations"], "export_size_needed"),
        (["export", "{moco}", "--output", "/nowhere/policy.py"], "output_not_writable"),
        (["preview", "{moco}", "/nowhere.png"], "path_not_found"),
        (["preview", "{moco}", "{moco}"], "no_images"),
        (["diff", "{moco}", "/nowhere.json"], "invalid_policy"),
        (["lint", "/nowhere.json"], "invalid_policy"),
    ],
)
def test_bad_input_is_a_sentence(arguments: list[str], code: str, moco: str) -> None:
    done = _run(*(argument.format(moco=moco) for argument in arguments))
    assert done.returncode == 2
    assert f"[{code}]" in done.stderr
    assert "Traceback" not in done.stderr
