"""State changes as one compare-and-set each, along the arrows of `core.lifecycle`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, CursorResult, or_, update
from sqlalchemy.orm import Session

from core import lifecycle
from core.store.tables import Base


def transition(
    session: Session, table: type[Base], target: str, *where: ColumnElement[bool], **values: Any
) -> int:
    """Bring the rows of `table` that match `where` into the state `target`.

    Rows in a state from which the target cannot be entered are left alone, so a second, late or
    competing call is without effect.

    Returns:
        How many rows changed.
    """
    states = table.__table__.c.state
    result = session.execute(
        update(table)
        .where(states.in_(lifecycle.sources(table.__tablename__, target)), *where)
        .values(state=target, **values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)
    return result.rowcount


def may_become(table: str, target: str) -> ColumnElement[bool]:
    """The condition that a row is in a state from which `target` can be entered, for statements
    that do more than change the state.
    """
    state = Base.metadata.tables[table].c.state
    return or_(*(state == source for source in lifecycle.sources(table, target)))
