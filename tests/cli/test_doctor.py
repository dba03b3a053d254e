"""`quarterturn doctor`: sentences about what is right, and about what is broken on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.diagnosis import checks, diagnose
from core.embedded.stack import Stack
from core.settings import Settings
from quarterturn.augment.backends import triton_gpu

NOWHERE = "postgresql+psycopg://user:secret@127.0.0.1:1/none"


def _doctor(*arguments: str, **settings: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "quarterturn", "doctor", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_a_running_service_is_healthy(stack: Stack) -> None:
    code, text = _doctor("--data-dir", str(stack.data_dir))
    assert code == 0, text
    assert "PROBLEM" not in text
    for part in ("database", "broker", "workers"):
        assert f"The {part} of {stack.url}: fine." in text


def test_what_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    code, text = _doctor(
        "--data-dir",
        str(tmp_path),
        QUARTERTURN_DATABASE_URL=NOWHERE,
        QUARTERTURN_BROKER_URL="redis://127.0.0.1:1/0",
    )
    assert code == 1
    assert "PostgreSQL does not answer" in text
    assert "Redis does not answer" in text
    assert "secret" not in text


def test_an_old_schema_missing_workers_and_missing_keys(database: Settings) -> None:
    open_to_all = database.model_copy(update={"host": "0.0.0.0"})
    found = [finding.text for finding in diagnose(open_to_all) if finding.level == "problem"]
    assert any("No worker was seen" in text for text in found)
    assert any("no key is" in text for text in found)


def test_settings_that_cannot_work(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    wrong = Settings(data_dir=blocked / "data", worker_threads=64, workers=8, device="cuda:9")
    found = " ".join(f.text for f in diagnose(wrong) if f.level == "problem")
    assert "cannot be written" in found
    assert "wait for one another" in found


def test_a_gpu_without_a_compiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H200")
    for works in (True, False):
        monkeypatch.setattr(triton_gpu, "is_available", lambda _, works=works: works)
        found = list(checks._hardware(Settings(device="cuda")))
        assert found[0].text == f"torch {torch.__version__} on H200."
        assert any("install gcc" in one.text for one in found) == (not works)
