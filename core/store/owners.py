"""Whose rows a session sees and writes: the one place where queries are filtered by owner.

A session with `session.info["owner"]` reads, updates and deletes the rows of that owner only,
whatever the query says, and gives new rows that owner. A session without sees everything: that is
for workers, the sweeper and the command line.

Not covered, and for the unscoped sessions only: Core statements, text, and a `select` of nothing
but functions such as `func.count()`.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import event, inspect, select
from sqlalchemy.orm import (
    LoaderCriteriaOption,
    ORMExecuteState,
    Session,
    with_loader_criteria,
)

from core.store.owned import LOCAL, Owned
from core.store.tables import CandidateRow, Job, Trial


def scope_of(owner: str | None) -> dict[str, str]:
    """The `info` of a session that sees the rows of an owner only; of one that sees all, empty."""
    return {} if owner is None else {"owner": owner}


@lru_cache(maxsize=256)
def _rows_of(owner: str) -> tuple[LoaderCriteriaOption, ...]:
    """Made once for each owner: every query of a request has them."""
    own_jobs = select(Job.id).where(Job.owner == owner)
    return (
        with_loader_criteria(Owned, lambda kind: kind.owner == owner, include_aliases=True),
        *(
            with_loader_criteria(table, table.job_id.in_(own_jobs), include_aliases=True)
            for table in (Trial, CandidateRow)
        ),
    )


@event.listens_for(Session, "do_orm_execute")
def _only_own_rows(state: ORMExecuteState) -> None:
    owner = state.session.info.get("owner")
    if owner is None or not (state.is_select or state.is_update or state.is_delete):
        return
    state.statement = state.statement.options(*_rows_of(owner))


@event.listens_for(Session, "before_flush")
def _new_rows_are_own(session: Session, *_: object) -> None:
    owner = session.info.get("owner", LOCAL)
    for row in session.new:
        if isinstance(row, Owned) and inspect(row).attrs.owner.value is None:
            row.owner = owner
