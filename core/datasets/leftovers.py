"""Files that a crash left behind: half-built caches, uploads, what ended jobs kept for their
trials, and what no row names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from core.lifecycle import active
from core.settings import Settings
from core.storage import storage_of
from core.store.database import session_scope
from core.store.files import lock_digest
from core.store.tables import Checkpoint, Dataset, Job, Trial
from quarterturn.storage import Storage
from quarterturn.storage.folder import remove_older
from quarterturn.storage.keys import (
    CHECKPOINTS,
    DATASETS,
    ENCODERS,
    WEIGHTS,
    digest_or_job,
    job_key,
)

#: No upload takes longer; what is younger may still be in use.
_OLD_SECONDS = 6 * 3600.0
_DIGEST = re.compile("[0-9a-f]{64}")


def _remove_unrecorded(
    storage: Storage, area: str, table: type[Dataset] | type[Checkpoint]
) -> None:
    """Files that were put in place, but whose record was never committed."""
    names = {digest_or_job(name): name for name in storage.names(area)}
    names = {digest: name for digest, name in names.items() if _DIGEST.fullmatch(digest)}
    if not names:
        return

    def owners(digests: Iterable[str]) -> Select[Any]:
        return select(table.digest).where(table.digest.in_(digests), table.state != "deleted")

    with session_scope() as session:
        recorded = set(session.scalars(owners(names)))
    for digest in names.keys() - recorded:
        key = f"{area}/{names[digest]}"
        if storage.age(key) < _OLD_SECONDS:
            continue
        # Only the few that have no record are locked, and asked for again under the lock.
        with session_scope() as session:
            lock_digest(session, digest)
            if session.scalars(owners([digest])).first() is None:
                storage.remove(key)


def _needed_by_others(session: Session, ended: set[str]) -> set[str]:
    """The ended jobs whose trials kept states that others go on from: trials of jobs under way that
    took over their results, or are about to, and are not at the last rung.
    """
    twin = aliased(Trial)
    not_last = Trial.iterations < Trial.schedule_iterations
    not_trained = or_(Trial.iterations_run == 0, Trial.state == "queued")
    return set(
        session.scalars(
            select(twin.job_id)
            .join(Trial, Trial.fingerprint == twin.fingerprint)
            .join(Job, Job.id == Trial.job_id)
            .where(twin.job_id.in_(ended), twin.state == "completed", twin.iterations_run > 0)
            .where(Job.state.in_(active("jobs")), not_last, not_trained)
            .distinct()
        )
    )


def _remove_of_jobs(storage: Storage, settings: Settings) -> None:
    """What trials kept for one another, some time after their job has ended, unless those of others
    go on from it; encoders that no job has.
    """
    kept, encoders = storage.names(CHECKPOINTS), storage.names(ENCODERS)
    if not kept and not encoders:
        return
    with session_scope() as session:
        under_way = Job.state.in_(active("jobs"))
        days = timedelta(days=settings.keep_trial_checkpoints_days)
        lately = and_(~under_way, Job.finished_at > func.now() - days)
        needed = set(
            session.scalars(select(Job.id).where(Job.id.in_(kept), or_(under_way, lately)))
        )
        if ended := set(kept) - needed:
            needed |= _needed_by_others(session, ended)
        jobs = [digest_or_job(name) for name in encoders]
        having = or_(Job.encoder.is_not(None), under_way)
        known = set(session.scalars(select(Job.id).where(Job.id.in_(jobs), having)))
    for job in set(kept) - needed:
        storage.remove(job_key(job))
    for name in encoders:
        if digest_or_job(name) not in known:
            storage.remove(f"{ENCODERS}/{name}")


def remove_leftovers(settings: Settings) -> None:
    """Remove old partial files and uploads, unrecorded files, and what ended jobs kept."""
    storage = storage_of(settings)
    storage.tidy(_OLD_SECONDS)
    remove_older(settings.uploads_dir.glob("*"), _OLD_SECONDS)
    _remove_unrecorded(storage, DATASETS, Dataset)
    _remove_unrecorded(storage, WEIGHTS, Checkpoint)
    _remove_of_jobs(storage, settings)
