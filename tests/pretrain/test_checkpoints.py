"""Checkpoints of rungs: whole or not at all, and no reason to fail."""

from __future__ import annotations

import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.storage.folder import FolderStorage

STATE = {"weights": torch.arange(100_000.0)}
CPU = torch.device("cpu")


@contextmanager
def _no_room(size: int) -> Iterator[None]:
    """Writes beyond `size` bytes of a file fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    store = CheckpointStore(FolderStorage(tmp_path))
    store.save("job", "candidate", 3, 10, STATE)
    found = store.load("job", "candidate", 3, 10, CPU)
    assert found is not None
    assert torch.equal(found["weights"], STATE["weights"])
    assert store.load("job", "candidate", 4, 10, CPU) is None


@pytest.mark.parametrize("room", [0, 4096, 200_000])
def test_a_full_disk_costs_the_checkpoint_only(
    tmp_path: Path, room: int, caplog: pytest.LogCaptureFixture
) -> None:
    store = CheckpointStore(FolderStorage(tmp_path))
    store.save("job", "candidate", 3, 10, {"weights": torch.ones(2)})
    with _no_room(room), caplog.at_level(logging.WARNING):
        store.save("job", "candidate", 3, 20, STATE)
    assert "not kept" in caplog.text
    assert store.load("job", "candidate", 3, 20, CPU) is None
    assert store.load("job", "candidate", 3, 10, CPU) is not None, "what was there is there"
    left = [path.name for path in (tmp_path / "checkpoints").rglob("*") if path.is_file()]
    assert left == ["candidate-3-10.pt"]
