"""Files that several rows share by their digest: one writer or remover at a time, and the last row
takes the file with it.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.database import session_scope
from core.store.tables import Checkpoint, Dataset
from core.store.transitions import transition


def lock_digest(session: Session, digest: str) -> None:
    """Until the session ends, nobody else puts in place or removes the files of this digest."""
    key = int.from_bytes(bytes.fromhex(digest)[:8], signed=True)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def finish_deletions(
    table: type[Dataset] | type[Checkpoint], remove: Callable[[str], None]
) -> None:
    """Bring rows marked for deletion to their end; also after a crash in between.

    Args:
        remove: removes the files of a digest; called if no other row is ready with it.
    """
    with session_scope() as session:
        marked = select(table.id, table.digest).where(table.state == "deleting")
        for row_id, digest in session.execute(marked).all():
            lock_digest(session, digest)
            others = select(table.id).where(table.digest == digest, table.state == "ready")
            if session.scalars(others).first() is None:
                remove(digest)
            transition(session, table, "deleted", table.id == row_id)
