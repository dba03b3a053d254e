"""A backup of a running stack, the data folder destroyed, and a restore in its place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.embedded.stack import Stack
from core.settings import Settings
from quarterturn.client.client import Client
from tests.conftest import FAST, TINY_SEARCH
from tests.service.waiting import until


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Not below pytest's, which PostgreSQL cannot enter."""
    for name, value in FAST.items():
        monkeypatch.setenv(name, value)
    with tempfile.TemporaryDirectory(prefix="quarterturn-test-") as name:
        yield Path(name)


def _cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if "_DATABASE_" not in k}
    return subprocess.run(
        [sys.executable, "-m", "quarterturn", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )


def test_what_was_backed_up_goes_on_elsewhere(folder: Path, animals: Path) -> None:
    data, saved = folder / "data", folder / "saved.qtb"
    with Stack(Settings(data_dir=data, port=0)) as stack, Client(stack.url) as client:
        dataset = client.upload(animals)["id"]
        ended = client.start(dataset, **TINY_SEARCH)["id"]
        client.wait(ended)
        ranking, policy = client.dashboard(ended)["ranking"], client.policy(ended)
        # So many trials that it is amid them on any machine; in the end it is stopped.
        longer = {**TINY_SEARCH, "iterations": 40, "seeds": 20}
        going = client.start(dataset, **longer)["id"]
        done = _cli("backup", str(saved), "--data-dir", str(data))
        assert done.returncode == 0, done.stderr
        assert client.dashboard(going)["state"] in ("queued", "running")
        # It would overwrite what runs.
        refused = _cli("restore", str(saved), "--data-dir", str(data))
        assert (refused.returncode, "data_dir_in_use" in refused.stderr) == (2, True)
    assert saved.stat().st_mode & 0o077 == 0
    refused = _cli("restore", str(saved), "--data-dir", str(data))
    assert (refused.returncode, "data_dir_not_empty" in refused.stderr) == (2, True)
    shutil.rmtree(data)
    done = _cli("restore", str(saved), "--data-dir", str(data))
    assert done.returncode == 0, done.stderr
    with Stack(Settings(data_dir=data, port=0)) as stack, Client(stack.url) as client:
        assert client.dashboard(ended)["ranking"] == ranking
        assert client.policy(ended) == policy

        def completed() -> int:
            return int(client.dashboard(going)["counts"]["completed"])

        saved_then = completed()
        until(lambda: completed() > saved_then + 1)
        client.stop(going)
        assert client.wait(going)["state"] == "completed"
        assert client.upload(animals)["id"] == dataset


def test_what_is_no_backup_is_refused(folder: Path) -> None:
    """Also one that would write outside the folder."""
    hostile: dict[str, Any] = {"format": 1}
    paths = [folder / name for name in ("text", "outside")]
    paths[0].write_text("no archive")
    with tarfile.open(paths[1], "w") as archive:
        (folder / "about").write_text(json.dumps(hostile))
        archive.add(folder / "about", "backup.json")
        archive.add(folder / "about", "../escaped")
    for path in paths:
        done = _cli("restore", str(path), "--data-dir", str(folder / "new"))
        assert (done.returncode, "invalid_backup" in done.stderr) == (2, True), done.stderr
    assert not (folder / "escaped").exists()
    missing = _cli("backup", str(folder / "b"), "--data-dir", str(folder / "nowhere"))
    assert (missing.returncode, "no_stack" in missing.stderr) == (2, True)
    assert not list(folder.glob(".b*"))
