"""Engine and sessions. A session commits once, at the edge, when its block ends without error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import Engine, create_engine, func
from sqlalchemy.orm import Session

from core.settings import get_settings
from core.store import freshness
from core.store.owners import scope_of
from quarterturn.errors import UnavailableError

#: A column of a statement whose transaction need not be on the disk when it is answered. If the
#: server is killed within a second, it is lost, and everything that was committed after it.
UNHURRIED = func.set_config("synchronous_commit", "off", True)


@lru_cache(maxsize=4)
def engine_for(url: str) -> Engine:
    """The engine of a database, one per process. A connection over which nothing comes back for as
    long as a lease is given up, instead of being waited for: the link may have been cut.
    """
    patience = {
        "connect_timeout": 10,
        "tcp_user_timeout": int(get_settings().lease_seconds * 1000),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    engine = create_engine(
        url,
        pool_size=10,
        max_overflow=20,
        connect_args={"application_name": "quarterturn", **patience},
    )
    freshness.watch(engine)
    return engine


@lru_cache(maxsize=4)
def _autocommitting(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def get_engine() -> Engine:
    """The engine of the configured database.

    Raises:
        UnavailableError: none is configured.
    """
    url = get_settings().database_url
    if url is None:
        raise UnavailableError(
            "No database is configured. Set QUARTERTURN_DATABASE_URL, or use `quarterturn serve`, "
            "which brings its own.",
            code="no_database",
        )
    return engine_for(url)


@contextmanager
def statement_scope(owner: str | None = None) -> Iterator[Session]:
    """A session of which every statement is a transaction of its own, for what is one statement or
    only reads: to begin and to commit are two messages more.

    Args:
        owner: as for `session_scope`.
    """
    engine = _autocommitting(get_engine())
    with Session(engine, expire_on_commit=False, info=scope_of(owner)) as session:
        yield session


@contextmanager
def session_scope(owner: str | None = None) -> Iterator[Session]:
    """A session that commits at the end of the block and rolls back on any error.

    Args:
        owner: whose rows it sees; None is all (see `core.store.owners`).
    """
    scoped = Session(get_engine(), expire_on_commit=False, info=scope_of(owner))
    with scoped as session, session.begin():
        yield session
