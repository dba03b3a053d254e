"""Coverage-guided fuzzing of the archive reader and the parser of searches, by hand: atheris is no
dependency. `python -m tests.fuzz.parsers archives -max_total_time=60`, or `searches`.

Bytes alone hardly ever become JSON, so a search is a valid one in which they choose what is
replaced by what. Archives begin with small valid ones.
"""

from __future__ import annotations

import contextlib
import copy
import io
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports():
    from core.settings import Settings
    from quarterturn.data.caps import Caps
    from quarterturn.data.sources import archive_members
    from quarterturn.errors import QuarterturnError
    from quarterturn.search.spec import parse_search

_folder = tempfile.TemporaryDirectory()
_settings = Settings(
    data_dir=Path(_folder.name), max_members=100, max_member_bytes=100_000, max_archive_bytes=10**6
)
_SPACE = {
    "kind": "pipeline",
    "name": "s",
    "stages": [{"op": "rotate", "strength": {"min": 1, "max": 30}, "probability": 0.5}],
}
_SEARCHES: list[dict[str, Any]] = [
    {
        "search_space": "photometric",
        "strategy": {"kind": kind},
        "iterations": 3,
        "seeds": 1,
        "budget": {"trials": 3},
        "pretraining": {"encoder": "resnet_tiny", "batch_size": 16},
        "scoring": {"criterion": "rotation"},
    }
    for kind in ("random", "grid", "asha", "pipeline", "density_matching", "successive_halving")
]
_SEARCHES += [
    {"search_space": _SPACE},
    {"strategy": {"kind": "list", "candidates": [{"views": [[]]}]}},
]
_ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "\ud800",
    "x" * 5000,
    [],
    {},
    [[]],
    [None],
    {"kind": "random"},
    {"min": 1},
    {"op": "rotate"},
    "photometric",
    "asha",
]


def archives(data: bytes) -> None:
    """Any bytes are an archive or refused; nothing else is raised."""
    path = Path(_folder.name, "upload")
    path.write_bytes(data)
    try:
        for _ in archive_members(path, Caps(_settings.ingest_limits)):
            pass
    except QuarterturnError:
        pass


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys = range(len(node)) if isinstance(node, list) else list(node)
    found: list[tuple[Any, Any]] = []
    for key in keys:
        found.append((node, key))
        if isinstance(node[key], list | dict):
            found += _places(node[key])
    return found


def searches(data: bytes) -> None:
    """Any document is a search or refused."""
    source = atheris.FuzzedDataProvider(data)
    document = copy.deepcopy(source.PickValueInList(_SEARCHES))
    for _ in range(source.ConsumeIntInRange(1, 4)):
        places = _places(document)
        if not places:
            break
        container, key = source.PickValueInList(places)
        kind = source.ConsumeIntInRange(0, 3)
        value = copy.deepcopy(source.PickValueInList(_ODD))
        if kind == 0:
            value = source.ConsumeInt(4)
        elif kind == 1:
            value = source.ConsumeUnicode(8)
        if kind == 2 and isinstance(container, dict):
            container[source.ConsumeUnicodeNoSurrogates(8)] = value
        elif kind == 3 and isinstance(container, dict):
            del container[key]
        else:
            container[key] = value
    with contextlib.suppress(QuarterturnError):
        parse_search(document)


def _seeds(folder: Path) -> None:
    """Small valid archives to begin with."""
    content = b"not really an image"
    with zipfile.ZipFile(folder / "stored.zip", "w") as stored:
        stored.writestr("a/b.png", content)
    with zipfile.ZipFile(folder / "deflated.zip", "w", zipfile.ZIP_DEFLATED) as deflated:
        deflated.writestr("b.png", content * 9)
    for mode in ("w", "w:gz"):
        name = folder / f"archive.{mode.replace(':', '.')}"
        with tarfile.open(name, mode) as archive:  # type: ignore[call-overload]
            member = tarfile.TarInfo("a/b.png")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


if __name__ == "__main__":
    name = sys.argv.pop(1)
    corpus = Path(_folder.name, "corpus")
    corpus.mkdir()
    if name == "archives":
        _seeds(corpus)
    sys.argv.append(str(corpus))
    atheris.Setup(sys.argv, {"archives": archives, "searches": searches}[name])
    atheris.Fuzz()
