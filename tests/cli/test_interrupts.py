"""Ctrl-C during `quarterturn search`: first the best so far, then the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from core.embedded.stack import Stack
from quarterturn.policy import parse_policy
from tests.service.waiting import until

_LONG = [
    *("--space", "rand-augment", "--strategy", '{"kind": "random", "candidates": 500}'),
    *("--seeds", "1", "--encoder", "resnet_tiny", "--batch-size", "16"),
]


class _Searching:
    """A search in a process of its own, whose lines are read as they come."""

    def __init__(self, images: Path, folder: Path, *options: str) -> None:
        command = [sys.executable, "-u", "-m", "quarterturn", "search", str(images), *_LONG]
        self.log = folder / "said.txt"
        with self.log.open("w") as said:
            self.process = subprocess.Popen(
                [*command, "--output", str(folder / "policy.json"), *options],
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**os.environ, "QUARTERTURN_WORKER_THREADS": "1"},
            )

    def wait_for(self, words: str) -> None:
        def said() -> bool:
            text = self.log.read_text()
            assert words in text or self.process.poll() is None, text
            return words in text

        until(said, period=0.05)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str]:
        return self.process.wait(60), self.log.read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_best_so_far_is_handed_out(animals: Path, tmp_path: Path, workers: str) -> None:
    run = _Searching(animals, tmp_path, "--iterations", "2", "--workers", workers)
    run.wait_for(", best ")
    run.interrupt()
    code, said = run.end()
    assert code == 0, said
    assert "Stopped early" in said
    assert "Traceback" not in said
    policy = parse_policy(json.loads((tmp_path / "policy.json").read_text()))
    assert policy.selection is not None
    assert policy.selection["provenance"]["stopped_by_request"]
    assert "stopped early" in (tmp_path / "policy.card.md").read_text()


def test_before_anything_completed_there_is_nothing(animals: Path, tmp_path: Path) -> None:
    run = _Searching(animals, tmp_path, "--iterations", "100000", "--workers", "2")
    until(lambda: list(tmp_path.glob("policy.search/*/search.json")))
    time.sleep(2)
    run.interrupt()
    code, said = run.end()
    assert code == 130, said
    assert "Ended by Ctrl-C before there was anything" in said
    assert "Traceback" not in said
    assert not (tmp_path / "policy.json").exists()


def _job_of(http: httpx.Client, said: str) -> dict[str, str]:
    job = said.split("/v1/jobs/")[1].split("/")[0]
    found: dict[str, str] = http.get(f"/v1/jobs/{job}").json()
    return found


def test_a_job_on_a_server_is_stopped_and_its_best_handed_out(
    stack: Stack, http: httpx.Client, animals: Path, tmp_path: Path
) -> None:
    # Long enough that there is more to come when the first of the trials has completed.
    run = _Searching(animals, tmp_path, "--iterations", "300", "--server", stack.url)
    run.wait_for("Dashboard: ")
    job = _job_of(http, run.log.read_text())["id"]
    until(lambda: http.get(f"/v1/jobs/{job}/trials?state=completed").json()["items"])
    run.interrupt()
    code, said = run.end()
    assert code == 0, said
    assert "Stopping: trials that run are finished" in said
    assert "Stopped early" in said
    parse_policy(json.loads((tmp_path / "policy.json").read_text()))
    assert "stopped early" in (tmp_path / "policy.card.md").read_text()
    ended = _job_of(http, said)
    assert (ended["state"], ended["reason"]) == ("completed", "stopped")


def test_a_second_ctrl_c_leaves_the_job_to_the_server(
    stack: Stack, http: httpx.Client, animals: Path, tmp_path: Path
) -> None:
    run = _Searching(animals, tmp_path, "--iterations", "100000", "--server", stack.url)
    run.wait_for("Dashboard: ")
    job = _job_of(http, run.log.read_text())["id"]
    until(lambda: http.get(f"/v1/jobs/{job}/trials?state=running").json()["items"])
    run.interrupt()
    run.wait_for("Stopping: ")
    run.interrupt()
    code, said = run.end()
    assert code == 130, said
    assert f"The job {job} is left stopping on the server" in said
    assert "Traceback" not in said
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "stopping"
    http.post(f"/v1/jobs/{job}/cancel")
