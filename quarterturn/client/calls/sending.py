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
    """The archive itself, or a folder packed into a temporary one, links followed."""
    from quarterturn.data.files import walk

    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise InvalidInputError(
            f"There is no file or folder at {path}. Give a folder of images or an archive.",
            code="path_not_found",
        )
    with tempfile.TemporaryDirectory(prefix="quarterturn-") as folder:
        packed = Path(folder, f"{path.resolve().name}.tar")
        with tarfile.open(packed, "w", dereference=True) as archive:
            for name, file, fault in walk(path.resolve(), None):
                if fault:  # an empty file: a line in the report of the server
                    archive.addfile(tarfile.TarInfo(name))
                else:
                    archive.add(file, arcname=name, recursive=False)
        yield packed
