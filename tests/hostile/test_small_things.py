"""Paths, names and starts that once ended in a traceback, and shares of what there is."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
import torch
from sqlalchemy import text

from api.live.hub import Hub
from core import logs
from core.access.keys import Caller
from core.allowed import allowed_source
from core.jobs.claim import claim
from core.jobs.encoder_card import encoder_card
from core.private import make_private
from core.settings import Settings
from core.store.database import get_engine, session_scope, statement_scope
from quarterturn.errors import InvalidInputError, QuarterturnError, UnavailableError
from quarterturn.storage import folder as folders
from quarterturn.storage.folder import FolderStorage
from tests.store.rows import make_job


@pytest.mark.parametrize("name", ["x" * 5000, "/".join(["y" * 200] * 40), "a\0b", "round/and/on"])
def test_paths_that_lead_nowhere_are_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "round").symlink_to(tmp_path / "round")
    with pytest.raises(QuarterturnError) as caught:
        allowed_source(str(tmp_path / name), [tmp_path])
    assert isinstance(caught.value, InvalidInputError)
    assert caught.value.code == "path_not_found"


def test_text_logs_cannot_be_forged(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    try:
        logs.configure(Settings(log_format="text"), "api")
        forged = "/v1\n2030-01-01 [critical] all is lost\r\x1b[2J"
        logging.getLogger("x").info("GET %s", forged, extra={"path": forged})
    finally:
        logging.getLogger().handlers = handlers
        logging.getLogger().setLevel(level)
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "\x1b" not in written
    assert "all is lost" in written


def test_the_card_of_an_encoder_shows_names_as_text() -> None:
    name = "a | <script>alert(1)</script> `x`"
    encoder: dict[str, Any] = {
        "architecture": "conv4",
        "resolution": 28,
        "mean": [0.5],
        "std": [0.5],
        "digest": "d",
        "iterations": 1,
        "images": 1,
        "seed": 0,
        "collapsed": False,
        "policy": "p",
        "init": {"kind": "checkpoint", "name": name, "digest": "e"},
    }
    spec = {"pretraining": {"method": "simclr", "batch_size": 1, "variant": "full"}}
    job: Any = SimpleNamespace(id="job_x", name=name, encoder=encoder, spec=spec, policy=None)
    dataset: Any = SimpleNamespace(name=name, digest="f")
    card = encoder_card(job, dataset)
    assert "<script>" not in card
    rows = [line for line in card.splitlines() if line.startswith("| images")]
    assert rows[0].replace("\\|", "").count("|") == 3


def test_memory_that_a_cpu_lacks_is_named() -> None:
    from workers.held import _failure

    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.uint8)
    assert _failure(caught.value)[0] == "out_of_memory"
    assert _failure(RuntimeError("shapes differ"))[0] == "error"


def _start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quarterturn", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("part", ["api", "worker"])
def test_without_a_database_a_start_ends_in_a_sentence(part: str) -> None:
    url = "postgresql+psycopg://x:secret@127.0.0.1:1/nowhere"
    done = _start(part, QUARTERTURN_DATABASE_URL=url, QUARTERTURN_BROKER_URL="redis://127.0.0.1:1")
    assert done.returncode == 2, done.stderr
    assert "[database_unavailable]" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_a_data_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = _start("serve", "--port", "0", "--data-dir", str(tmp_path / "file" / "data"))
    assert done.returncode == 2, done.stderr
    assert "[data_dir_unusable]" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_folders_are_private(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    make_private(data)
    assert data.stat().st_mode & 0o066 == 0, "nobody else lists it"
    storage = FolderStorage(data)
    for key in ("datasets/d", "weights/w.safetensors", "checkpoints/job/a.pt"):
        partial = storage.partial(key)
        partial.write_bytes(b"x")
        storage.put(key, partial)
        assert (data / key).parent.stat().st_mode & 0o077 == 0
        assert (data / key.split("/")[0]).stat().st_mode & 0o077 == 0


def test_images_are_on_the_disk_before_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file and folder is flushed, then renamed, then the folder that has the name."""
    done: list[str] = []
    flush, flush_folder, rename = folders.flush, folders.flush_folder, Path.rename

    def noted(what: str, function: Any) -> Any:
        def call(path: Path, *more: Any) -> Any:
            done.append(f"{what} {path.name}")
            return function(path, *more)

        return call

    storage = FolderStorage(tmp_path)
    partial = storage.partial("datasets/d")
    partial.mkdir()
    (partial / "images.bin").write_bytes(b"x")
    monkeypatch.setattr(folders, "flush", noted("flush", flush))
    monkeypatch.setattr(folders, "flush_folder", noted("folder", flush_folder))
    monkeypatch.setattr(Path, "rename", noted("rename", rename))
    storage.put("datasets/d", partial)
    assert done == [
        f"flush {partial.name}",
        "flush images.bin",
        f"folder {partial.name}",
        f"rename {partial.name}",
        "folder datasets",
    ]


def test_streams_of_one_owner_leave_room_for_others() -> None:
    async def open_many() -> None:
        hub = Hub()
        greedy, other = (Caller(name, frozenset(), f"key_{name}") for name in ("greedy", "other"))
        watches = [hub.enter("job_x", greedy, 5, 3) for _ in range(3)]
        again = Caller("greedy", frozenset(), "key_of_the_same_owner")
        for caller in (greedy, again):
            with pytest.raises(UnavailableError, match="You have 3") as caught:
                hub.enter("job_x", caller, 5, 3)
            assert caught.value.code == "too_many_streams"
        watches.append(hub.enter("job_x", other, 5, 3))
        for watch, caller in zip(watches, [greedy] * 3 + [other], strict=True):
            hub.leave(watch, caller)
        assert hub.open == sum(hub.by_owner.values()) == 0

    anyio.run(open_many)


def test_a_release_takes_no_trial_of_another_schema(database: Settings) -> None:
    _, due = make_job(database)
    engine = get_engine()
    with engine.begin() as connection:
        before = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    with statement_scope() as session:
        assert claim(session, due[0], "w", database) is None
    with session_scope() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": before})
    with statement_scope() as session:
        assert claim(session, due[0], "w", database) is not None


def test_a_worker_of_another_release_ends_itself(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers import presence

    ended: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: ended.append(pid))
    presence._stopped.clear()
    presence._leave_if_outdated()
    assert ended == []
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    presence._leave_if_outdated()
    presence._stopped.clear()
    assert ended == [os.getppid()]


def test_a_restore_that_fails_leaves_nothing_that_looks_like_a_stack() -> None:
    import json
    import tarfile

    with tempfile.TemporaryDirectory(prefix="quarterturn-test-") as name:
        folder = Path(name)
        (folder / "backup.json").write_text(json.dumps({"format": 1}))
        (folder / "database.dump").write_bytes(b"PGDMP" + b"\0" * 100)
        (folder / "images.bin").write_bytes(b"x")
        with tarfile.open(folder / "saved", "w") as archive:
            archive.add(folder / "backup.json", "backup.json")
            archive.add(folder / "database.dump", "database.dump")
            archive.add(folder / "images.bin", "datasets/d/images.bin")
        environment = {"QUARTERTURN_DATABASE_URL": "", "QUARTERTURN_STORAGE_URL": ""}
        environment = {k: v for k, v in os.environ.items() if k not in environment}
        command = [sys.executable, "-m", "quarterturn"]
        for _ in range(2):
            done = subprocess.run(
                [*command, "restore", str(folder / "saved"), "--data-dir", str(folder / "data")],
                capture_output=True,
                text=True,
                env=environment,
                check=False,
            )
            assert (done.returncode, "[backup_failed]" in done.stderr) == (2, True), done.stderr
            assert {path.name for path in (folder / "data").iterdir()} <= {"serve.lock"}
