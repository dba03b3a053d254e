"""Migrations and tables say the same, and a wrong schema is refused."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from core.settings import Settings
from core.store.database import get_engine
from core.store.schema import alembic_config, check, migrate
from core.store.tables import Base
from quarterturn.errors import UnavailableError


def test_migrations_lead_to_the_tables_of_the_code(database: Settings) -> None:
    with get_engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrations_run_back_and_forth(database: Settings) -> None:
    config = alembic_config()
    with get_engine().begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    migrate(get_engine())
    migrate(get_engine())
    check(get_engine())


def test_another_schema_is_refused_with_what_to_do(database: Settings) -> None:
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnavailableError, match="quarterturn migrate"):
        check(get_engine())
