"""Coverage-guided fuzzing of the archive reader and the parser of searches, by hand: atheris is no
dependency. `python -m tests.fuzz.parsers archives -max_total_time=60`, or `searches`.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports():
    from core.datasets.caps import Caps
    from core.datasets.members import archive_members
    from core.errors import QuarterturnError
    from core.search.spec import parse_search
    from core.settings import Settings

_folder = tempfile.TemporaryDirectory()
_settings = Settings(
    data_dir=Path(_folder.name), max_members=100, max_member_bytes=100_000, max_archive_bytes=10**6
)


def archives(data: bytes) -> None:
    """Any bytes are an archive or refused; nothing else is raised."""
    path = Path(_folder.name, "upload")
    path.write_bytes(data)
    try:
        for _ in archive_members(path, _settings, Caps(_settings)):
            pass
    except QuarterturnError:
        pass


def searches(data: bytes) -> None:
    """Any JSON is a search or refused."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        with contextlib.suppress(QuarterturnError):
            parse_search(document)


if __name__ == "__main__":
    target = {"archives": archives, "searches": searches}[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
