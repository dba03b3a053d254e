"""`quarterturn keys`: makes keys in the database directly, so that the first needs no key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from quarterturn.cli.options import DataDir

keys_commands = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@keys_commands.callback()
def _keys() -> None:
    """Make, list and revoke API keys."""


@contextmanager
def _database(data_dir: DataDir) -> Iterator[None]:
    """The configured database, that of the stack that runs on the data folder, or else the embedded
    one, started for this command.
    """
    from core.commands.configure import settings_with
    from core.embedded.postgres import EmbeddedPostgres
    from core.embedded.stack import running_database
    from core.store.database import get_engine
    from core.store.schema import check, migrate

    settings = settings_with(data_dir=data_dir)
    url = settings.database_url or running_database(settings.data_dir)
    if url is not None:
        settings_with(database_url=url)
        check(get_engine())
        yield
        return
    with EmbeddedPostgres(settings.data_dir.expanduser().resolve() / "postgres") as postgres:
        settings_with(database_url=postgres.url)
        migrate(get_engine())
        try:
            yield
        finally:
            get_engine().dispose()


@keys_commands.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, such as laptop.")],
    owner: Annotated[str, typer.Option(help="Whose datasets and jobs it reaches.")] = "local",
    scope: Annotated[
        list[str] | None, typer.Option(help="read, write or admin; may be repeated.")
    ] = None,
    expires_in_days: Annotated[int | None, typer.Option(help="By default never.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it. It is shown this once."""
    from core.access.keys import create_key
    from core.store.database import session_scope

    with _database(data_dir), session_scope() as session:
        key, token = create_key(
            session,
            name,
            owner=owner,
            scopes=scope or ("read", "write"),
            expires_in_days=expires_in_days,
        )
    typer.echo(f"{key.id} for {key.owner}, with {', '.join(key.scopes)}. The key:", err=True)
    typer.echo(token)


@keys_commands.command("list")
def list_keys(data_dir: DataDir = None) -> None:
    """List all keys, the newest first."""
    from sqlalchemy import select

    from core.store.database import session_scope
    from core.store.tables import ApiKey

    with _database(data_dir), session_scope() as session:
        for key in session.scalars(select(ApiKey).order_by(ApiKey.id.desc())):
            ends = "revoked" if key.revoked_at else "lasts"
            if key.expires_at and not key.revoked_at:
                ends = f"expires {key.expires_at:%Y-%m-%d}"
            used = f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
            scopes = ",".join(key.scopes)
            typer.echo(
                f"{key.id}  {key.prefix}...  {key.owner}  {scopes}  {ends}  {used}  {key.name}"
            )


@keys_commands.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id, as `list` shows it.")],
    data_dir: DataDir = None,
) -> None:
    """Revoke a key, at once and for good."""
    from core.access.keys import revoke_key
    from core.store.database import session_scope

    with _database(data_dir), session_scope() as session:
        revoke_key(session, key_id)
    typer.echo(f"{key_id} is revoked.")
