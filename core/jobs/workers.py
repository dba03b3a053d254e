"""The presence of workers."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.store.tables import WorkerRow

SEEN_LATELY_SECONDS = 30.0
_FORGOTTEN_SECONDS = 3600.0


def report_presence(
    session: Session, name: str, device: str, memory: tuple[int, int] | None = None
) -> None:
    """Note that a worker is alive.

    Args:
        memory: bytes of its GPU, and how many are used.
    """
    size, used = memory or (None, None)
    known = {"device": device, "device_memory": size, "device_memory_used": used}
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
