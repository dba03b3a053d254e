"""Requests that are sent again: what the first of the same key was answered.

A key is claimed by one statement before anything is done; the answer is kept for a day. A claim
whose request never ended, as its server was killed, is free again after two minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from core.store.database import session_scope
from core.store.tables import Answer
from quarterturn.errors import ConflictError

_KEPT = timedelta(days=1)
_PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True)
class Answered:
    """An answer that is given again."""

    status: int
    location: str | None
    body: str


def claim_key(owner: str, key: str, digest: str) -> Answered | None:
    """The answer to the first request of the key; None for whoever is the first.

    Args:
        digest: of the request: its method, address and body.

    Raises:
        ConflictError: `idempotency_key_reused`, it was another request; `request_in_progress`.
    """
    with session_scope() as session:
        now = func.now()
        session.execute(
            delete(Answer).where(
                or_(
                    Answer.created_at < now - _KEPT,
                    (Answer.owner == owner)
                    & (Answer.key == key)
                    & Answer.status.is_(None)
                    & (Answer.created_at < now - _PATIENCE),
                )
            )
        )
        row = {"owner": owner, "key": key, "digest": digest}
        claimed = session.execute(
            insert(Answer).values(row).on_conflict_do_nothing().returning(Answer.key)
        ).first()
        if claimed is not None:
            return None
        first = session.scalar(select(Answer).where(Answer.owner == owner, Answer.key == key))
    if first is not None and first.digest != digest:
        raise ConflictError(
            "The Idempotency-Key was used for another request. Send another key.",
            code="idempotency_key_reused",
        )
    if first is None or first.status is None:
        raise ConflictError(
            "The first request of this Idempotency-Key is still being answered. Send it again.",
            code="request_in_progress",
        )
    return Answered(first.status, first.location, first.body or "")


def keep_answer(owner: str, key: str, answer: Answered | None) -> None:
    """Keep the answer, or free the key if the request was refused."""
    own = (Answer.owner == owner, Answer.key == key)
    with session_scope() as session:
        if answer is None:
            session.execute(delete(Answer).where(*own))
            return
        values = {"status": answer.status, "location": answer.location, "body": answer.body}
        session.execute(update(Answer).where(*own).values(values))
