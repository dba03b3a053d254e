"""Pages of listings, newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import Select
from sqlalchemy.orm import Session

from core.store.tables import ApiKey, Checkpoint, Dataset, Job

Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[str | None, Query(max_length=64)]


def newest_first(
    session: Session,
    query: Select[Any],
    table: type[Checkpoint] | type[Dataset] | type[Job] | type[ApiKey],
    limit: int,
    after: str | None,
) -> dict[str, Any]:
    """The rows of `query` after the id `after`, and the cursor of the following page."""
    if after is not None:
        query = query.where(table.id < after)
    rows = list(session.scalars(query.order_by(table.id.desc()).limit(limit + 1)))
    return {"items": rows[:limit], "next": rows[limit - 1].id if len(rows) > limit else None}
