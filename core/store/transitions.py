"""State changes as one compare-and-set each, along the arrows of `core.lifecycle`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Row, Update, update
from sqlalchemy.orm import Session

from core import lifecycle
from core.store.tables import Base


def _moving(
    table: type[Base], target: str, where: tuple[ColumnElement[bool], ...], values: dict[str, Any]
) -> Update:
    states = table.__table__.c.state
    return (
        update(table)
        .where(states.in_(lifecycle.sources(table.__tablename__, target)), *where)
        .values(state=target, **values)
        .execution_options(synchronize_session=False)
    )


def transition(
    session: Session, table: type[Base], target: str, *where: ColumnElement[bool], **values: Any
) -> int:
    """Bring the rows of `table` that match `where` into the state `target`.

    Rows in a state from which the target cannot be entered are left alone, so a second, late or
    competing call is without effect.

    Returns:
        How many rows changed.
    """
    result = session.execute(_moving(table, target, where, values))
    assert isinstance(result, CursorResult)
    return result.rowcount


def take(
    session: Session, table: type[Base], target: str, *where: ColumnElement[bool],
    returning: Sequence[Any], **values: Any,
) -> Row[Any] | None:  # fmt: skip
    """The same of one row at most, and what it then has in the columns `returning`."""
    statement = _moving(table, target, where, values).returning(*returning)
    return session.execute(statement).one_or_none()
