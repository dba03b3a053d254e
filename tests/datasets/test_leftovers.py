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
        "recorded": database.datasets_dir / ("d" * 64),
        "unrecorded": database.datasets_dir / ("a" * 64),
        "partial": database.datasets_dir / ".partial-1",
        "upload": database.uploads_dir / "upload",
        "young": database.datasets_dir / ("b" * 64),
        "ended": database.checkpoints_dir / ended,
        "running": database.checkpoints_dir / running,
    }
    for name, path in paths.items():
        path.mkdir(parents=True)
        if name != "young":
            os.utime(path, (0, 0))
    remove_leftovers(database)
    left = {name for name, path in paths.items() if path.exists()}
    assert left == {"recorded", "young", "running"}
