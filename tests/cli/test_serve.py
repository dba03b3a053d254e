"""`quarterturn serve`: starts everything, keeps the data, leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from core.embedded.process import end, spawn
from tests.service.waiting import until


def _serve(folder: Path, before: str = "") -> tuple[subprocess.Popen[bytes], str]:
    """Start a stack; `before` is the address of one that was killed."""
    log = (folder.parent / "serve.out").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "quarterturn", "serve", "--data-dir", str(folder), "--port", "0"],
        stdout=log,
        stderr=log,
    )

    def url() -> str | None:
        assert process.poll() is None, (folder.parent / "serve.out").read_text()
        try:
            found = str(json.loads((folder / "serve.json").read_text())["url"])
            return found if found != before else None
        except (OSError, ValueError):
            return None

    return process, until(url, 60)


def _processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that was started for the stack on this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if str(folder) in " ".join(process.cmdline()) or str(folder) in environment.get(
                "QUARTERTURN_DATA_DIR", ""
            ):
                found.append(process)
        except psutil.Error:
            continue
    return [p for p in found if p.pid != os.getpid()]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="quarterturn-test-") as parent:
        yield Path(parent, "data")
        for process in _processes_of(Path(parent)):  # only after a failed test
            process.kill()


def test_data_survives_and_no_process_does(folder: Path, animals: Path) -> None:
    process, url = _serve(folder)
    assert url.startswith("http://127.0.0.1:")
    with animals.open("rb") as stream:
        answer = httpx.post(
            f"{url}/v1/datasets", files={"file": stream}, trust_env=False, timeout=60
        )
    dataset = answer.json()["id"]
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 0
    until(lambda: not _processes_of(folder), 10)

    process, url = _serve(folder)
    assert httpx.get(f"{url}/v1/datasets/{dataset}", trust_env=False).status_code == 200
    second = subprocess.run(
        [sys.executable, "-m", "quarterturn", "serve", "--data-dir", str(folder), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert "[data_dir_in_use]" in second.stderr
    process.terminate()
    assert process.wait(40) == 0
    until(lambda: not _processes_of(folder), 10)


def test_after_kill_9_the_next_start_takes_over(folder: Path) -> None:
    process, url = _serve(folder)
    process.kill()
    process.wait()
    process, url = _serve(folder, before=url)
    assert httpx.get(f"{url}/readyz", trust_env=False, timeout=10).status_code == 200
    process.terminate()
    assert process.wait(40) == 0
    until(lambda: not _processes_of(folder), 10)


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="sessions share nothing here")
def test_what_steps_back_does_so_as_a_session_too(tmp_path: Path) -> None:
    process = spawn(["sleep", "60"], tmp_path / "log", {}, niceness=5)
    try:
        found = Path(f"/proc/{process.pid}/autogroup").read_text().split()
        assert found[-2:] == ["nice", "5"]
    finally:
        end(process, 1.0)
