"""A page of the trials of a job, for a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.tables import CandidateRow, Trial

PAGE = 25
_COLUMNS = (
    Trial.id,
    Trial.number,
    Trial.candidate_key,
    CandidateRow.name,
    CandidateRow.origin,
    Trial.task,
    Trial.seed,
    Trial.iterations,
    Trial.progress,
    Trial.state,
    Trial.attempt,
    Trial.score,
    Trial.held_out,
    Trial.collapsed,
    Trial.worker,
    Trial.seconds,
    Trial.reason,
    Trial.message,
)


@dataclass(frozen=True)
class TrialPage:
    """Rows (newest first), which page they are, of how many, and the count of trials in all."""

    rows: list[dict[str, Any]]
    page: int
    pages: int
    count: int
    state: str | None


def trial_page(session: Session, job_id: str, *, page: int = 1, state: str | None) -> TrialPage:
    """A page of trials, in `state` if one is given; a page too far is the last."""
    where = [Trial.job_id == job_id, *([Trial.state == state] if state else [])]
    count = session.scalar(select(func.count(Trial.id)).where(*where)) or 0
    pages = max(1, -(-count // PAGE))
    page = min(max(1, page), pages)
    rows = session.execute(
        select(*_COLUMNS)
        .join(
            CandidateRow,
            (CandidateRow.job_id == Trial.job_id) & (CandidateRow.key == Trial.candidate_key),
        )
        .where(*where)
        .order_by(Trial.number.desc())
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    return TrialPage([dict(row._mapping) for row in rows], page, pages, count, state)
