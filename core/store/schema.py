"""The schema's version: migrating, and refusing to run on the wrong one."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from quarterturn.errors import UnavailableError

_LOCK = 0x51_74_6D_69_67


def alembic_config() -> Config:
    """Alembic's configuration; the migrations are found by package, wherever it is installed."""
    found = find_spec("migrations")
    assert found is not None
    assert found.origin is not None
    config = Config()
    config.set_main_option("script_location", str(Path(found.origin).parent))
    return config


@lru_cache(maxsize=1)
def head() -> str | None:
    """The version that this release needs; its files are read once."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def _versions(connection: Connection) -> tuple[str | None, str | None]:
    return MigrationContext.configure(connection).get_current_revision(), head()


def migrate(engine: Engine) -> None:
    """Bring the database to the schema of this release; concurrent callers wait for the first."""
    config = alembic_config()
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(engine: Engine) -> None:
    """Refuse a database of another schema version.

    Raises:
        UnavailableError: `schema_mismatch`, saying what to do.
    """
    if (why := mismatch(engine)) is not None:
        raise UnavailableError(why, code="schema_mismatch")


def check_at_start(engine: Engine) -> None:
    """The same for a program that starts.

    Raises:
        UnavailableError: also `database_unavailable`.
    """
    try:
        check(engine)
    except OperationalError as error:
        raise UnavailableError(
            f"The database does not answer ({str(error.orig).strip().splitlines()[-1]}). Check "
            "QUARTERTURN_DATABASE_URL, and that PostgreSQL runs.",
            code="database_unavailable",
        ) from None


def mismatch(engine: Engine) -> str | None:
    """What is wrong with the version of a database's schema, and what to do."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        current, needed = _versions(connection)
    if current == needed:
        return None
    return (
        f"The database has schema version {current}, this release needs {needed}. "
        "Run `quarterturn migrate`, or use the release that matches the database."
    )
