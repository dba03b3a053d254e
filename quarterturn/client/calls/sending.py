"""Files as forms, for the calls that upload them."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quarterturn.client.connection import Connection
from quarterturn.errors import InvalidInputError

_UPLOAD_SECONDS = 3600.0


def name_of(path: Path) -> str:
    """What to call what lies there: its name without endings."""
    return path.resolve().name.split(".")[0] or "unnamed"


def send_file(
    connection: Connection, address: str, path: Path, fields: dict[str, str]
) -> dict[str, Any]:
    """Upload a file. The same content is the same resource, so it may be sent again."""
    with path.open("rb") as stream:
        return connection.document(
            "POST",
            address,
            data=fields,
            files={"file": (path.name, stream)},
            timeout=_UPLOAD_SECONDS,
            again=True,
        )


@contextmanager
def archive_of(path: Path) -> Iterator[Path]:
    """The archive itself; a folder, links followed, or the files of a list, packed into a temporary
    one.
    """
    from quarterturn.data.manifest import is_manifest

    if path.is_file() and not is_manifest(path):
        yield path
        return
    if not (path.is_dir() or path.is_file()):
        raise InvalidInputError(
            f"There is no file or folder at {path}. Give a folder of images, an archive or a list "
            "of files.",
            code="path_not_found",
        )
    with tempfile.TemporaryDirectory(prefix="quarterturn-") as folder:
        packed = Path(folder, f"{path.resolve().name}.tar")
        with tarfile.open(packed, "w", dereference=True) as archive:
            for name, file in _files(path.resolve()):
                if file is None:  # an empty file: a line in the report of the server
                    archive.addfile(tarfile.TarInfo(name))
                else:
                    archive.add(file, arcname=name, recursive=False)
        yield packed


def _files(path: Path) -> Iterator[tuple[str, str | None]]:
    """Names and paths of what is to be sent; None is what cannot be read."""
    from quarterturn.data.files import walk
    from quarterturn.data.manifest import Manifest
    from quarterturn.data.members import Skipped

    if path.is_dir():
        for name, file, fault in walk(path, None):
            yield name, None if fault else file
        return
    for item in Manifest(path):
        if isinstance(item, Skipped):
            yield item.name, None
            continue
        name, found = item
        yield name, str(found) if found.is_file() else None
