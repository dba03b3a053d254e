"""What a crash left behind is removed once it is old; what is recorded or young stays."""

from __future__ import annotations

import os

from core.datasets.leftovers import remove_leftovers
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Job
from core.store.transitions import transition
from tests.store.rows import make_job


def test_only_old_files_without_an_owner_are_removed(database: Settings) -> None:
    ended, _ = make_job(database)  # with a dataset of the digest ddd...
    running, _ = make_job(database)
    with session_scope() as session:
        transition(session, Job, "failed", Job.id == ended)
    paths = {
        "recorded": database.data_dir / "datasets" / ("d" * 64),
        "unrecorded": database.data_dir / "datasets" / ("a" * 64),
        "partial": database.data_dir / "datasets" / ".partial-1",
        "upload": database.uploads_dir / "upload",
        "young": database.data_dir / "datasets" / ("b" * 64),
        "weights": database.data_dir / "weights" / f"{'c' * 64}.safetensors",
        "ended": database.data_dir / "checkpoints" / ended,
        "running": database.data_dir / "checkpoints" / running,
    }
    for name, path in paths.items():
        path.mkdir(parents=True)
        if name != "young":
            os.utime(path, (0, 0))
    remove_leftovers(database)
    left = {name for name, path in paths.items() if path.exists()}
    assert left == {"recorded", "young", "running"}
