"""The example notebook and the example training script do what they say."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
import torchvision
from nbclient import NotebookClient
from PIL import Image, ImageStat

from core.embedded.stack import Stack
from quarterturn.policy import read_policy, write_policy
from quarterturn.policy.recipes import moco_v2
from tests.conftest import TINY_SEARCH
from tests.docs.texts import ROOT


def _data(notebook: Any, kind: str) -> list[str]:
    """What the cells put out in a format."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [str(output["data"][kind]) for output in outputs if kind in output.get("data", {})]


def _kinds(notebook: Any) -> list[set[str]]:
    """Of each cell the kinds of its outputs: formats, or names of streams."""
    return [
        {
            kind
            for output in cell.get("outputs", [])
            for kind in (output["data"] if "data" in output else [output["name"]])
        }
        for cell in notebook.cells
    ]


def test_the_notebook(
    stack: Stack,
    animals: Path,
    animal_dataset: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The service that runs already is used, as it would be in a second notebook.
    monkeypatch.setenv("QUARTERTURN_DATA_DIR", str(stack.data_dir))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(ROOT / "examples" / "choose_a_policy.ipynb", as_version=4)
    kept = _kinds(notebook)
    (given,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    given.source = f"IMAGES = {str(animals)!r}\nSEARCH = {TINY_SEARCH!r}"
    NotebookClient(notebook, timeout=200, resources={"metadata": {"path": tmp_path}}).execute()

    assert _kinds(notebook) == kept, "python -m tests.examples.renew"
    pages = _data(notebook, "text/html")
    assert any("completed, 8 of 8 trials" in page for page in pages), "the progress"
    assert any('class="dataframe"' in page for page in pages), "the ranking"
    assert any("data:image/png;base64," in page for page in pages), "the policy"
    assert _data(notebook, "image/png"), "the plot"
    document = json.loads((tmp_path / "policy.json").read_text())
    assert document["selection"]["provenance"]["dataset"]["id"] == animal_dataset
    digest = read_policy(tmp_path / "policy.json").digest
    assert digest in (tmp_path / "policy_card.md").read_text()
    assert "PolicyTransform" in (tmp_path / "policy_lightly.py").read_text()


def test_the_notebook_is_kept_with_its_outputs() -> None:
    path = ROOT / "examples" / "choose_a_policy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert path.stat().st_size < 300_000
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    pages = _data(notebook, "text/html")
    for part in ("completed, ", 'class="dataframe"', "data:image/png;base64,"):
        assert any(part in page for page in pages), part
    assert len(_data(notebook, "image/png")) == 1, "the plot"
    errors = [o for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert errors == []


def test_training_with_lightly(
    animals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_policy(moco_v2(), tmp_path / "policy.json")
    with zipfile.ZipFile(animals) as archive:
        archive.extractall(tmp_path / "images", archive.namelist()[:12])
    main = runpy.run_path(str(ROOT / "examples" / "train_with_lightly.py"))["main"]
    arguments = [
        str(tmp_path / "policy.json"),
        str(tmp_path / "images"),
        "--size",
        "28",
        "--batch-size",
        "8",
        "--workers",
        "0",
        "--output",
        str(tmp_path / "encoder.pt"),
    ]
    encoders = []
    for steps in (0, 3):
        main([*arguments, "--steps", str(steps)])
        encoders.append(torch.load(tmp_path / "encoder.pt", weights_only=True))
    said = capsys.readouterr()
    assert "step 3 of 3: loss" in said.out
    assert "difference: random_resized_crop" in said.err
    assert not torch.equal(encoders[0]["conv1.weight"], encoders[1]["conv1.weight"])
    assert all(value.isfinite().all() for value in encoders[1].values())
    model = torchvision.models.resnet18()
    model.fc = torch.nn.Identity()
    model.load_state_dict(encoders[1])
    with pytest.raises(SystemExit):
        main([*arguments, "--batch-size", "64"])
    assert "12 images are less than a batch of 64" in capsys.readouterr().err


def test_training_on_two_processes_from_the_search_to_the_probe(
    animals: Path, tmp_path: Path
) -> None:
    top = tmp_path / "images"
    with zipfile.ZipFile(animals) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            size = ImageStat.Stat(Image.open(io.BytesIO(data)).convert("L")).mean[0]
            path = top / ("large" if size > 60 else "small") / Path(name).name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "examples" / "train_with_ddp.py"), str(top)),
            *("--steps", "2", "--batch-size", "8", "--size", "32", "--budget", "trials=1"),
            *("--iterations", "4"),
            *("--output", str(tmp_path / "encoder.pt")),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "step 2 of 2: loss" in done.stdout
    assert re.search(r"linear probe: [\d.]+ %", done.stdout)
    assert read_policy(tmp_path / "encoder.policy.json").selection is not None
