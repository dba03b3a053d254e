"""The commands: fast help, clear errors, a search against a server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from core.embedded.stack import Stack
from quarterturn.cli import app
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import portable_state
from quarterturn.policy import parse_policy, write_policy
from quarterturn.policy.recipes import moco_v2


def _run(*arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quarterturn", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


@pytest.mark.parametrize("module", ["quarterturn.cli", "api.app", "workers.app"])
def test_torch_is_not_imported_before_it_is_needed(module: str) -> None:
    """By the help, by the API, and by a worker before it forks."""
    code = (
        "import os, sys; os.environ['QUARTERTURN_BROKER_URL'] = 'redis://nowhere'; "
        f"import {module}; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_names_the_commands() -> None:
    done = _run("--help")
    assert done.returncode == 0
    for command in ("search", "serve", "api", "worker", "migrate", "policy", "checkpoints"):
        assert command in done.stdout


def test_search_against_a_server(stack: Stack, animals: Path, tmp_path: Path) -> None:
    output = tmp_path / "policy.json"
    done = _run(
        "search",
        str(animals),
        "--server",
        stack.url,
        "--output",
        str(output),
        "--space",
        "rand-augment",
        "--strategy",
        '{"kind": "random", "candidates": 1}',
        "--iterations",
        "4",
        "--seeds",
        "1",
        "--encoder",
        "resnet_tiny",
        "--batch-size",
        "16",
        "--budget",
        "trials=7,120s",
    )
    assert done.returncode == 0, done.stderr
    policy = parse_policy(json.loads(output.read_text()))
    assert policy.name in done.stdout
    assert "moco_v2 (baseline)" in done.stdout
    assert "<table" in output.with_suffix(".dashboard.html").read_text()
    shown = _run("policy", "show", str(output))
    assert shown.returncode == 0
    assert "expected gain over the incumbent" in shown.stdout


def test_weights_to_and_from_a_server(stack: Stack, animals: Path, tmp_path: Path) -> None:
    """A search from a checkpoint, whose encoder is the next checkpoint."""

    def command(*arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--server", stack.url])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    torch.manual_seed(9)
    save_file(portable_state(build_encoder("resnet_tiny", 28)), tmp_path / "base.safetensors")
    made = command("checkpoints", "upload", str(tmp_path / "base.safetensors"))
    base = made.split()[0]
    assert made.split()[1] == "resnet_tiny"
    assert made in command("checkpoints", "list")
    shown = command("checkpoints", "show", base)
    assert "resnet_tiny: fits; " in shown
    assert "resnet50: does not fit; " in shown
    searched = command(
        "search",
        str(animals),
        "--output",
        str(tmp_path / "policy.json"),
        "--encoder",
        "resnet_tiny",
        "--batch-size",
        "16",
        "--iterations",
        "1",
        "--budget",
        "trials=1",
        "--checkpoint",
        base,
        "--final-iterations",
        "2",
    )
    (job,) = re.findall(r"quarterturn encoder (job_\w+)", searched)
    output = tmp_path / "encoder.safetensors"
    assert str(output) in command("encoder", job, "--output", str(output))
    card = (tmp_path / "encoder.md").read_text()
    assert base.replace("_", "\\_") in card, "escaped, as names of users are"
    again = command("checkpoints", "create", "--from-job", job, "--name", "next")
    assert again.split()[0] != base
    assert again.rstrip().endswith("next")
    command("checkpoints", "delete", base)
    assert base not in command("checkpoints", "list")


def test_a_folder_is_packed_and_sent(stack: Stack, animals: Path, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(animals) as archive:
        archive.extractall(tmp_path / "images")
    done = _run(
        "search",
        str(tmp_path / "images"),
        "--server",
        stack.url,
        "--output",
        str(tmp_path / "policy.json"),
        "--budget",
        "trials=1",
        "--iterations",
        "1",
        "--encoder",
        "resnet_tiny",
        "--batch-size",
        "16",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "policy.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["search", "/nowhere"], "path_not_found"),
        (["search", "/dev/null"], "path_not_found"),
        (["search", "/etc", "--output", "/tmp"], "output_not_writable"),
        (["search", "/etc", "--space", "everything"], "invalid_search_space"),
        (["search", "/etc", "--strategy", "{bad"], "invalid_json"),
        (["search", "/etc", "--budget", "soon"], "invalid_budget"),
        (["search", "/etc", "--encoder", "vit"], "invalid_job"),
        (["search", "/etc", "--space", "/nowhere/space.json"], "file_unreadable"),
        (["search", "/etc", "--server", "http://127.0.0.1:9"], "server_unreachable"),
        (["policy", "show", "/nowhere.json"], "invalid_policy"),
        (["encoder", "job_1", "--server", "http://127.0.0.1:9"], "server_unreachable"),
        (["worker"], "no_database"),
        (["migrate"], "no_database"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(
    arguments: list[str], code: str, tmp_path: Path
) -> None:
    done = _run(*arguments)
    assert done.returncode == 2, done.stderr
    assert f"[{code}]" in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_images_and_newer_policies_are_refused(stack: Stack, tmp_path: Path) -> None:
    empty = tmp_path / "empty.zip"
    empty.write_bytes(b"")
    done = _run("search", str(empty), "--server", stack.url, "--output", str(tmp_path / "p.json"))
    assert done.returncode == 2
    assert "[empty_archive]" in done.stderr
    assert not (tmp_path / "p.json").exists()
    newer = tmp_path / "newer.json"
    newer.write_text('{"schema_version": 3, "views": []}')
    assert "[policy_too_new]" in _run("policy", "show", str(newer)).stderr


def test_policy_show_says_what_it_does(tmp_path: Path) -> None:
    write_policy(moco_v2(), tmp_path / "moco.json")
    done = _run("policy", "show", str(tmp_path / "moco.json"))
    assert "random_resized_crop to 0.2-1 of the area" in done.stdout
    assert "grayscale with probability 0.2" in done.stdout
