"""The presence of workers, and what they can serve."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.lifecycle import OPEN_JOBS
from core.placement import ask_of, queue_for
from core.store.tables import Job, WorkerRow

SEEN_LATELY_SECONDS = 30.0
_FORGOTTEN_SECONDS = 3600.0


def report_presence(
    session: Session,
    name: str,
    device: str,
    queues: list[str],
    memory: tuple[int, int] | None = None,
) -> None:
    """Note that a worker is alive.

    Args:
        queues: those that it takes trials from.
        memory: bytes of its GPU, and how many are used.
    """
    size, used = memory or (None, None)
    known = {
        "device": device,
        "queues": queues,
        "device_memory": size,
        "device_memory_used": used,
    }
    session.execute(
        insert(WorkerRow)
        .values(name=name, **known)
        .on_conflict_do_update(index_elements=["name"], set_={"seen_at": func.now(), **known})
    )


def report_departure(session: Session, name: str) -> None:
    """Note that a worker has left, and forget those that left without a word long ago."""
    long_ago = func.now() - timedelta(seconds=_FORGOTTEN_SECONDS)
    session.execute(
        delete(WorkerRow).where((WorkerRow.name == name) | (WorkerRow.seen_at < long_ago))
    )


def workers_seen(session: Session) -> list[WorkerRow]:
    """The workers seen lately."""
    lately = func.now() - timedelta(seconds=SEEN_LATELY_SECONDS)
    return list(session.scalars(select(WorkerRow).where(WorkerRow.seen_at > lately)))


def workers_for(session: Session, stored: dict[str, Any] | None) -> int:
    """How many workers seen lately serve what a job asks for, `worker` of its specification."""
    queue = queue_for(ask_of(stored))
    return sum(queue in worker.queues for worker in workers_seen(session))


def waiting_for(session: Session, job: Job) -> str | None:
    """The worker that a job waits for, in words; None if one that can serve it is there."""
    if job.state not in OPEN_JOBS or workers_for(session, job.spec.get("worker")):
        return None
    return f"Waiting for {ask_of(job.spec.get('worker')).in_words()}; none was seen lately."
