"""What PostgreSQL believes of the table of trials, from which it plans its queries."""

from __future__ import annotations

import logging

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.store.database import statement_scope

logger = logging.getLogger(__name__)


def trials_were_added() -> None:
    """Let it look at the table again, after thousands came in at once. By itself it does within a
    minute; until then it reads all trials of a job for a page of them. Never raises.
    """
    try:
        with statement_scope() as session:
            session.execute(text("ANALYZE trials"))
    except SQLAlchemyError as error:
        logger.warning("the table of trials was not looked at: %s", error)
