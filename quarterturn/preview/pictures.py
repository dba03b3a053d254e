"""A few images of a user: files, folders of them, archives."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from quarterturn.errors import InvalidInputError

if TYPE_CHECKING:
    from PIL import Image

    from quarterturn.policy.pictures import Pictures

#: A preview needs no more, and refuses what an upload would refuse by default.
_MOST_PIXELS = 64_000_000
_MOST_BYTES = 64 * 2**20


def _in_archive(path: Path) -> Iterator[bytes]:
    """The first bytes of each file of a .zip, .tar or .tar.gz, none of anything else."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    with archive.open(info) as member:
                        yield member.read(_MOST_BYTES)
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as packed:
            for entry in packed:
                if entry.isreg() and (file := packed.extractfile(entry)) is not None:
                    yield file.read(_MOST_BYTES)


def _files(paths: Sequence[Path]) -> Iterator[tuple[bytes, Path | None]]:
    """The bytes of each file, and its path if it was named itself."""
    for path in paths:
        if path.is_dir():
            inner = (found for found in sorted(path.rglob("*")) if found.is_file())
            yield from ((found.read_bytes(), None) for found in inner)
        elif zipfile.is_zipfile(path) or tarfile.is_tarfile(path):
            yield from ((data, None) for data in _in_archive(path))
        else:
            yield path.read_bytes(), path


def _usable(paths: Sequence[Path], pictures: Pictures | None) -> Iterator[Image.Image]:
    from quarterturn.data.asked import stated
    from quarterturn.data.decode import DecodeLimits, UnusableImageError, open_rgb

    asked = None if pictures is None else stated(pictures)
    limits = DecodeLimits(max_pixels=_MOST_PIXELS, min_side=1)
    for data, named in _files(paths):
        try:
            yield open_rgb(data, limits, asked)
        except UnusableImageError as error:
            if named is not None:
                raise InvalidInputError(
                    f"{named} is no usable image: {error.message}.", code="no_images"
                ) from None


def read_images(
    paths: Sequence[Path], count: int, pictures: Pictures | None = None
) -> list[Image.Image]:
    """The first `count` images; in folders and archives, files that are no images are passed over.

    Args:
        pictures: how files become pictures, as a policy carries it.

    Raises:
        InvalidInputError: `path_not_found` or `no_images`.
    """
    try:
        found = list(islice(_usable(paths, pictures), count))
    except (OSError, zipfile.BadZipFile, tarfile.TarError, RuntimeError) as error:
        # RuntimeError is what an encrypted .zip raises.
        named = " ".join(str(path) for path in paths)
        raise InvalidInputError(
            f"{named} cannot be read: {error}.", code="path_not_found"
        ) from None
    if not found:
        raise InvalidInputError("There is no usable image there.", code="no_images")
    return found
