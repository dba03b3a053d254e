"""`quarterturn migrate`"""

from __future__ import annotations

import typer


def migrate() -> None:
    """Bring the database to the schema of this release."""
    from core.store.database import get_engine
    from core.store.schema import migrate as run

    run(get_engine())
    typer.echo("The database is up to date.")
