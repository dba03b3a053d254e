"""Files that a crash left behind: half-built caches, uploads, checkpoints of ended jobs."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta

from sqlalchemy import func, select

from core.lifecycle import final
from core.settings import Settings
from core.store.database import session_scope
from core.store.files import lock_digest
from core.store.tables import Dataset, Job

#: No upload takes longer; what is younger may still be in use.
_OLD_SECONDS = 6 * 3600.0


def _remove_unrecorded(settings: Settings, horizon: float) -> None:
    """Caches that were put in place, but whose record was never committed."""
    old = [
        path for path in settings.datasets_dir.glob("[0-9a-f]*") if path.stat().st_mtime < horizon
    ]
    if not old:
        return
    with session_scope() as session:
        names = [path.name for path in old]
        recorded = set(session.scalars(select(Dataset.digest).where(Dataset.digest.in_(names))))
    # Only the few that have no record are locked, and asked for again under the lock.
    for path in (path for path in old if path.name not in recorded):
        with session_scope() as session:
            lock_digest(session, path.name)
            if not session.scalars(select(Dataset.id).where(Dataset.digest == path.name)).first():
                shutil.rmtree(path, ignore_errors=True)


def remove_leftovers(settings: Settings) -> None:
    """Remove old partial caches and uploads, and the checkpoints of jobs that have ended."""
    horizon = time.time() - _OLD_SECONDS
    partial = [
        *settings.datasets_dir.glob(".partial-*"),
        *settings.uploads_dir.glob("*"),
        *settings.weights_dir.glob(".*"),
        *settings.encoders_dir.glob(".*"),
    ]
    for path in partial:
        try:
            if path.stat().st_mtime < horizon:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            continue
    _remove_unrecorded(settings, horizon)
    jobs = {path.name: path for path in settings.checkpoints_dir.glob("job_*")}
    if not jobs:
        return
    with session_scope() as session:
        keep = timedelta(days=settings.keep_trial_checkpoints_days)
        ended = session.scalars(
            select(Job.id).where(
                Job.id.in_(jobs),
                Job.state.in_(final("jobs")),
                Job.finished_at <= func.now() - keep,
            )
        ).all()
    for job_id in ended:
        shutil.rmtree(jobs[job_id], ignore_errors=True)
