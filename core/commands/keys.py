"""`quarterturn keys`: makes keys in the database directly, so that the first needs no key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarterturn.cli.options import DataDir
from quarterturn.cli.showing import AsJson, deleted, show

if TYPE_CHECKING:
    from core.store.tables import ApiKey

_TIMES = ("created_at", "expires_at", "revoked_at", "last_used_at")

keys_commands = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@keys_commands.callback()
def _keys() -> None:
    """Make, list and revoke API keys."""


def _line(key: ApiKey) -> str:
    ends = "revoked" if key.revoked_at else "lasts"
    if key.expires_at and not key.revoked_at:
        ends = f"expires {key.expires_at:%Y-%m-%d}"
    used = f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
    scopes = ",".join(key.scopes)
    return f"{key.id}  {key.prefix}...  {key.owner}  {scopes}  {ends}  {used}  {key.name}"


def _document(key: ApiKey) -> dict[str, Any]:
    """A key as `GET /v1/keys` shows it."""
    plain = {name: getattr(key, name) for name in ("id", "name", "owner", "prefix", "scopes")}
    times = {name: getattr(key, name) for name in _TIMES}
    return plain | {name: time and time.isoformat() for name, time in times.items()}


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
    as_json: AsJson = False,
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
        session.flush()
        document = {**_document(key), "key": token}
    if as_json:
        show(document, True, str)
        return
    typer.echo(f"{key.id} for {key.owner}, with {', '.join(key.scopes)}. The key:", err=True)
    typer.echo(token)


@keys_commands.command("list")
def list_keys(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List all keys, the newest first."""
    from sqlalchemy import select

    from core.store.database import session_scope
    from core.store.tables import ApiKey

    with _database(data_dir), session_scope() as session:
        keys = list(session.scalars(select(ApiKey).order_by(ApiKey.id.desc())))
        if as_json:
            show([_document(key) for key in keys], True, str)
            return
        for key in keys:
            typer.echo(_line(key))


@keys_commands.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id, as `list` shows it.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Revoke a key, at once and for good."""
    from core.access.keys import revoke_key
    from core.store.database import session_scope

    with _database(data_dir), session_scope() as session:
        revoke_key(session, key_id)
    deleted(key_id, as_json, "revoked")
