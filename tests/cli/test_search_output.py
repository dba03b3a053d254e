"""What `quarterturn search` prints for programs, and searches from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from core.embedded.stack import Stack
from quarterturn.cli import app
from quarterturn.policy import parse_policy

LITTLE = [
    *("--space", "rand-augment", "--strategy", '{"kind": "random", "candidates": 1}'),
    *("--iterations", "2", "--seeds", "1", "--encoder", "resnet_tiny", "--batch-size", "16"),
    *("--budget", "trials=2", "--workers", "1"),
]


def _search(images: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["search", str(images), *options], catch_exceptions=False)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_json_is_all_of_standard_output(animals: Path, here: Path) -> None:
    done = _search(animals, *LITTLE, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["stopped"], found["exhausted"]) == (False, "trials")
    assert found["ranking"][0]["rank"] == 1
    assert found["images"]["images"] > 100
    written = Path(found["files"]["policy"])
    assert written == here / "policy.json"
    assert json.loads(written.read_text()) == found["policy"]
    assert Path(found["files"]["card"]).is_file()
    assert "Reading" in done.stderr


def test_the_policy_goes_to_standard_output(animals: Path, here: Path) -> None:
    done = _search(animals, *LITTLE, "--output", "-")
    assert done.exit_code == 0, done.output
    parse_policy(json.loads(done.stdout))
    assert "Evidence" in done.stderr
    assert not (here / "policy.json").exists()
    assert not list(here.glob("-*"))


def test_without_a_terminal_progress_is_lines(animals: Path, here: Path) -> None:
    done = _search(animals, *LITTLE)
    lines = [line for line in done.stdout.splitlines() if " trials, " in line]
    assert lines[0].startswith("1/2 trials, ")
    assert lines[-1].startswith("2/2 trials, ")
    assert "best " in lines[-1]


def _file(folder: Path, **fields: Any) -> str:
    path = folder / "job.json"
    path.write_text(json.dumps(fields))
    return str(path)


def test_a_job_file_has_all_fields_and_the_line_wins(animals: Path, here: Path) -> None:
    (here / "job.yaml").write_text(
        "name: little\n"
        "search_space: rand-augment\n"
        "strategy: {kind: random, candidates: 1}\n"
        "iterations: 700\n"
        "seeds: 1\n"
        "exclude: [hue]\n"
        "budget: {trials: 1}\n"
        "pretraining: {encoder: resnet_tiny, batch_size: 16}\n"
        "scoring: {probe_train_images: 64, probe_test_images: 64}\n"
        "final_pretraining: {iterations: 1}\n"
    )
    done = _search(animals, "--job-file", "job.yaml", "--iterations", "2", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "note: not used without a service: name" in done.stdout
    spec = json.loads(next(here.glob("policy.search/*/search.json")).read_text())["spec"]
    assert (spec["iterations"], spec["seeds"], spec["exclude"]) == (2, 1, ["hue"])
    assert spec["pretraining"]["encoder"] == "resnet_tiny"
    assert spec["scoring"]["probe_train_images"] == 64
    assert spec["final_pretraining"] == {"iterations": 1}
    assert (here / "policy.encoder.safetensors").is_file()


def test_an_unknown_field_is_named(animals: Path, here: Path) -> None:
    from quarterturn.errors import InvalidInputError

    with pytest.raises(InvalidInputError, match="iteratons") as refused:
        _search(animals, "--job-file", _file(here, iteratons=3))
    assert refused.value.fields == [{"path": "$.iteratons", "message": "is not known"}]
    with pytest.raises(InvalidInputError, match="jobs start"):
        _search(animals, "--job-file", _file(here, dataset_id="ds_1"))
    with pytest.raises(InvalidInputError, match=r"\$\.seeds"):
        _search(animals, "--job-file", _file(here, seeds="many"))


def test_a_job_file_on_a_server(stack: Stack, animals: Path, here: Path) -> None:
    asked = {
        "name": "from a file",
        "search_space": "rand-augment",
        "strategy": {"kind": "random", "candidates": 1},
        "iterations": 2,
        "seeds": 1,
        "budget": {"trials": 1},
        "pretraining": {"encoder": "resnet_tiny", "batch_size": 16},
    }
    done = _search(animals, "--job-file", _file(here, **asked), "--server", stack.url, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["state"], found["name"]) == ("completed", "from a file")
    parse_policy(found["policy"])
    assert Path(found["files"]["card"]).read_text().startswith("# ")
    assert Path(found["files"]["dashboard"]).is_file()


def test_a_search_of_a_folder_is_extended(animals: Path, here: Path) -> None:
    from quarterturn.errors import InvalidInputError

    first = json.loads(_search(animals, *LITTLE, "--json").stdout)
    kept = first["files"]["results"]
    before = Path(kept, "trials.jsonl").read_text()
    more = ["--extend", kept, "--workers", "1"]
    done = _search(animals, *more, "--budget", "trials=9", "--candidates", "2", "--json")
    found = json.loads(done.stdout)
    assert (found["exhausted"], found["files"]["results"]) == (None, kept)
    after = Path(kept, "trials.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 8, "six baselines and two candidates"
    spec = json.loads(Path(kept, "search.json").read_text())["spec"]
    assert spec["strategy"]["candidates"] == 2
    for wrong, words in (
        (["--candidates", "1"], "must not become less"),
        (["--seeds", "3"], "leave out seeds"),
        (["--server", "http://127.0.0.1:1"], "jobs extend"),
    ):
        with pytest.raises(InvalidInputError, match=words) as refused:
            _search(animals, *more, *wrong)
        assert refused.value.code == "invalid_extension"
    with pytest.raises(InvalidInputError, match="There is no search"):
        _search(animals, "--extend", str(here))
    with pytest.raises(InvalidInputError, match="goes with --extend"):
        _search(animals, "--candidates", "3")
