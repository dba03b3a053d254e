"""The commands for what is in a service: jobs, trials, datasets, spaces, estimate."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
from typer.testing import CliRunner

from core.embedded.stack import Stack
from quarterturn.cli import app
from quarterturn.client import Client, ServerError
from quarterturn.errors import InvalidInputError, QuarterturnError
from quarterturn.policy import parse_policy
from tests.conftest import TINY_SEARCH

Command = Callable[..., str]


@pytest.fixture(scope="module")
def command(stack: Stack) -> Command:
    """Runs a command against the service; its standard output."""

    def run(*arguments: str, exit_code: int = 0) -> str:
        line = [*arguments, "--server", stack.url]
        done = CliRunner().invoke(app, line, catch_exceptions=False)
        assert done.exit_code == exit_code, done.output
        return done.stdout

    return run


@pytest.fixture(scope="module")
def job(stack: Stack, animal_dataset: str) -> str:
    """A job of four trials that has ended."""
    search: dict[str, Any] = {**TINY_SEARCH, "iterations": 2, "budget": {"trials": 4}}
    with Client(stack.url) as client:
        job_id = client.start(animal_dataset, name="four trials", **search)["id"]
        assert client.wait(job_id)["state"] == "completed"
    return str(job_id)


def test_jobs_are_listed(command: Command, job: str) -> None:
    assert f"{job}  completed (budget)" in command("jobs", "list")
    found = json.loads(command("jobs", "list", "--state", "completed", "--json"))
    assert job in [one["id"] for one in found]
    assert job not in command("jobs", "list", "--state", "running")
    with pytest.raises(ServerError) as refused:
        command("jobs", "list", "--state", "runing")
    assert refused.value.code == "invalid_request"


def test_a_job_is_shown(command: Command, job: str) -> None:
    shown = command("jobs", "show", job)
    assert "trials: 4 completed of 4" in shown
    assert "best: " in shown
    found = json.loads(command("jobs", "show", job, "--json"))
    assert found["dashboard"]["counts"]["completed"] == 4
    assert found["spec"]["seeds"] == 1


def test_its_policy_is_fetched(command: Command, job: str, tmp_path: Path) -> None:
    parse_policy(json.loads(command("jobs", "policy", job)))
    target = tmp_path / "policy.py"
    command("jobs", "policy", job, "--format", "torchvision", "--output", str(target))
    compile(target.read_text(), "policy.py", "exec")


def test_a_job_from_a_file_is_started_once_and_controlled(
    command: Command, animal_dataset: str, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(
        f"dataset_id: {animal_dataset}\nname: from a file\niterations: 100000\n"
        "pretraining: {encoder: resnet_tiny, batch_size: 16}\n"
    )
    first = json.loads(command("jobs", "start", str(file), "--key", "mine", "--json"))
    again = json.loads(command("jobs", "start", str(file), "--key", "mine", "--json"))
    assert first["id"] == again["id"]
    started = first["id"]
    assert "  paused" in command("jobs", "pause", started)
    assert json.loads(command("jobs", "resume", started, "--json"))["state"] in (
        "queued",
        "running",
    )
    with pytest.raises(QuarterturnError) as refused:
        command("jobs", "wait", started, "--timeout", "0.1", "--json")
    assert refused.value.code == "wait_timed_out"
    command("jobs", "cancel", started)
    assert f"{started}  cancelled" in command("jobs", "wait", started, exit_code=1)
    assert "is deleted" in command("jobs", "delete", started)
    assert started not in command("jobs", "list")


def test_a_job_is_named_tagged_and_extended(command: Command, job: str) -> None:
    changed = command("jobs", "change", job, "--name", "mine", "--tag", "retina", "--tag", "2026")
    assert changed.rstrip().endswith("mine")
    listed = json.loads(command("jobs", "list", "--tag", "retina", "--json"))
    assert [one["id"] for one in listed] == [job]
    assert listed[0]["tags"] == ["retina", "2026"]
    more = json.loads(
        command("jobs", "extend", job, "--budget", "trials=9", "--candidates", "3", "--json")
    )
    assert (more["extends"], more["tags"]) == (job, ["retina", "2026"])
    ended = json.loads(command("jobs", "wait", more["id"], "--json"))
    assert ended["counts"]["completed"] == 9
    rows = json.loads(command("trials", more["id"], "--json"))
    assert sum(row["seconds"] == 0 for row in rows) == 4, "taken over"
    with pytest.raises(ServerError, match="must not become less") as refused:
        command("jobs", "extend", job, "--budget", "trials=3")
    assert refused.value.code == "invalid_extension"
    assert json.loads(command("jobs", "change", job, "--tag", "", "--json"))["tags"] == []
    assert json.loads(command("jobs", "list", "--tag", "retina", "--json"))[0]["id"] == more["id"]


def test_a_file_without_a_dataset_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(InvalidInputError, match="dataset_id"):
        command("jobs", "start", str(tmp_path / "job.json"))
    (tmp_path / "job.json").write_text("{")
    with pytest.raises(InvalidInputError, match="not JSON"):
        command("jobs", "start", str(tmp_path / "job.json"))


def test_trials_as_tables(command: Command, job: str, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(command("trials", job))))
    assert [row["state"] for row in rows] == ["completed"] * 4
    found = json.loads(command("trials", job, "--format", "json", "--policies"))
    assert {row["id"] for row in found} == {row["id"] for row in rows}
    for row in found:
        parse_policy(json.loads(row["policy"]))
    assert json.loads(command("trials", job, "--json")) == json.loads(
        command("trials", job, "--format", "json")
    )
    table = tmp_path / "trials.parquet"
    command("trials", job, "--format", "parquet", "--output", str(table))
    assert sorted(pandas.read_parquet(table)["number"]) == [1, 2, 3, 4]
    with pytest.raises(InvalidInputError, match="csv, json and parquet"):
        command("trials", job, "--format", "xml")


def test_datasets(command: Command, tmp_path: Path, animals: Path) -> None:
    made = json.loads(
        command(
            "datasets", "upload", str(animals), "--name", "mine", "--resolution", "20", "--json"
        )
    )
    assert made["resolution"] == 20
    assert f"{made['id']}  {made['images']} images  20 pixels  mine" in command("datasets", "list")
    shown = command("datasets", "show", made["id"])
    assert all(f"left out: {n} {why}" in shown for why, n in made["skipped_reasons"].items())
    assert json.loads(command("datasets", "show", made["id"], "--json"))["id"] == made["id"]
    assert json.loads(command("datasets", "delete", made["id"], "--json")) == {
        "id": made["id"],
        "deleted": True,
    }
    assert made["id"] not in command("datasets", "list")


def test_an_estimate(command: Command, tmp_path: Path) -> None:
    plain = command("estimate", "--space", "rand-augment", "--strategy", "grid")
    assert "candidates: " in plain
    file = tmp_path / "job.json"
    file.write_text(json.dumps({"strategy": {"kind": "random", "candidates": 3}, "seeds": 1}))
    found = json.loads(
        command("estimate", "--space", "rand-augment", "--job-file", str(file), "--json")
    )
    assert found["estimate"]["trials"] >= 3


def test_spaces_need_no_service() -> None:
    done = CliRunner().invoke(app, ["spaces"])
    assert "rand-augment  rand_augment" in done.stdout
    found = json.loads(CliRunner().invoke(app, ["spaces", "--json"]).stdout)
    assert "photometric" in [one["name"] for one in found]
