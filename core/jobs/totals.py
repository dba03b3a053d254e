"""Sums that only grow: what completed trials took. They outlive the jobs, and reading them costs
the same however many trials there were.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.store.tables import Total


def add(session: Session, kind: str, **values: float) -> None:
    """Add to the sums of a kind of trials, such as `search` or `density`."""
    rows = [{"name": name, "kind": kind, "value": value} for name, value in sorted(values.items())]
    statement = insert(Total).values(rows)  # in one order, so that two never wait for one another
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["name", "kind"],
            set_={"value": Total.value + statement.excluded.value},
        )
    )


def totals(session: Session) -> dict[str, dict[str, float]]:
    """The sums by name, and by kind."""
    found: dict[str, dict[str, float]] = {}
    for row in session.scalars(select(Total).order_by(Total.name, Total.kind)):
        found.setdefault(row.name, {})[row.kind] = row.value
    return found
