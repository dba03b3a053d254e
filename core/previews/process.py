"""The process that draws previews: torch stays out of the API, and one drawing at a time is enough.

What was drawn is kept with the dataset and goes with it.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import ParamSpec, TypeVar

from core.aside import Aside
from quarterturn.errors import ConflictError, ObjectMissingError, UnavailableError
from quarterturn.storage import Storage
from quarterturn.storage.keys import dataset_key

P = ParamSpec("P")
T = TypeVar("T")

_MOST_WAITING = 48
_PATIENCE_SECONDS = 60.0
_MOST_KEPT = 600

_waiting = threading.BoundedSemaphore(_MOST_WAITING)


def _prepare() -> None:
    import torch

    torch.set_num_threads(1)


_aside = Aside(_prepare)


def shutdown() -> None:
    """End the process; the next preview starts another."""
    _aside.shutdown()


def drawn(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function of `core.previews.drawing` returns, from the preview process.

    Raises:
        UnavailableError: `preview_unavailable`, too many wait, it takes too long, or it broke.
    """
    if not _waiting.acquire(blocking=False):
        raise UnavailableError(
            "Too many previews are being drawn. Try again in a moment.",
            code="preview_unavailable",
        )
    try:
        return _aside.submit(function, *args, **kwargs).result(_PATIENCE_SECONDS)
    except (BrokenProcessPool, TimeoutError):
        shutdown()
        raise UnavailableError(
            "The preview could not be drawn just now. Try again in a moment.",
            code="preview_unavailable",
        ) from None
    finally:
        _waiting.release()


@contextlib.contextmanager
def images_of(storage: Storage, digest: str) -> Iterator[Path]:
    """The folder of a dataset's images on this machine, until the block ends.

    Raises:
        ConflictError: `images_deleted`.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(storage.held(dataset_key(digest)))
        except ObjectMissingError:
            raise ConflictError(
                "The images of this dataset are not here any more, so nothing can be drawn from "
                "them. Upload them again to see them.",
                code="images_deleted",
            ) from None
        yield folder


def kept(folder: Path, name: str, make: Callable[[], bytes]) -> bytes:
    """The file of that name among the previews of a dataset, made if it is not there."""
    place = folder / "previews"
    path = place / name
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    made = make()
    with contextlib.suppress(OSError):  # a full disk, or a dataset that is being deleted
        place.mkdir(exist_ok=True)
        files = sorted(place.iterdir(), key=lambda file: file.stat().st_mtime)
        for old in files[: max(0, len(files) - _MOST_KEPT)]:
            old.unlink(missing_ok=True)
        partial = place / f".{uuid.uuid4().hex}"
        partial.write_bytes(made)
        partial.replace(path)
    return made
