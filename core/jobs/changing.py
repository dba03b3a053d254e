"""Changes to a job: what it is called, and more to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.jobs.create import find_job
from core.jobs.extending import More, extend
from core.settings import Settings
from core.store.tables import Job


@dataclass(frozen=True)
class Changes:
    """What is to be changed; None leaves it."""

    name: str | None = None
    notes: str | None = None
    tags: Sequence[str] | None = None
    more: More | None = None


def change_job(
    session: Session, job_id: str, changes: Changes, settings: Settings
) -> tuple[Job, list[str]]:
    """Change a job in any state. More to do for one that has ended makes another, which then has
    the new name, notes and tags.

    Returns:
        The job, or the one that extends it, and ids of trials to dispatch.

    Raises:
        NotFoundError: `job_not_found`. Others: see `core.jobs.extending`.
    """
    job = find_job(session, job_id)
    session.refresh(job, with_for_update=True)
    due: list[str] = []
    if changes.more is not None:
        job, due = extend(session, job, changes.more, settings)
    if changes.name is not None:
        job.name = changes.name
    if changes.notes is not None:
        job.notes = changes.notes
    if changes.tags is not None:
        job.tags = list(dict.fromkeys(changes.tags))
    session.flush()
    session.refresh(job)
    return job, due
