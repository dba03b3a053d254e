"""Reports to the database that outlast its restart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core.store.database import session_scope

logger = logging.getLogger(__name__)

_PERIOD_SECONDS = 0.5
AnswerT = TypeVar("AnswerT")


def report(
    write: Callable[[Session], AnswerT],
    patience: float,
    scope: Callable[[], AbstractContextManager[Session]] = session_scope,
) -> AnswerT:
    """Write in a transaction of its own; tried again for `patience` seconds while the database is
    away. A report that comes too late is dropped by the lease.

    Raises:
        sqlalchemy.exc.OperationalError: the database stayed away.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            with scope() as session:
                return write(session)
        except OperationalError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("cannot report, will try again: %s", error.orig)
            time.sleep(_PERIOD_SECONDS)
