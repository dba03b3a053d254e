"""Whether anything of a job has changed: one cheap query, asked often."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.tables import Job, Trial


@dataclass(frozen=True)
class Pulse:
    """Versions, equal where nothing has changed.

    Attributes:
        state: of the job.
        now: of everything, progress within trials included.
        scored: of what has ended, which figures are drawn from.
    """

    state: str
    now: str
    scored: str


def _version(*parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=6).hexdigest()


def pulse_of(session: Session, job_id: str) -> Pulse | None:
    """The pulse of a job; None if there is none of that id."""
    row = session.execute(
        select(Job.state, Job.message, Job.finished_at).where(Job.id == job_id)
    ).one_or_none()
    if row is None:
        return None
    trials = session.execute(
        select(
            Trial.state,
            func.count(Trial.id),
            func.sum(Trial.progress),
            func.sum(Trial.attempt),
            func.max(Trial.started_at),
        )
        .where(Trial.job_id == job_id)
        .group_by(Trial.state)
        .order_by(Trial.state)
    ).all()
    ended = [(t[0], t[1]) for t in trials if t[0] not in ("queued", "running")]
    return Pulse(
        row.state,
        _version(tuple(row), [tuple(t) for t in trials]),
        _version(row.state, ended),
    )
