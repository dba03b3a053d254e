"""Images named on the command line: files, or folders of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InvalidInputError

if TYPE_CHECKING:
    from PIL import Image

#: A preview needs no more, and refuses what an upload would refuse by default.
_MOST_PIXELS = 64_000_000


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Each file, and whether it was named itself."""
    for path in paths:
        if path.is_dir():
            yield from ((inner, False) for inner in sorted(path.rglob("*")) if inner.is_file())
        else:
            yield path, True


def read_images(paths: Sequence[Path], count: int) -> list[Image.Image]:
    """The first `count` images; in folders, files that are no images are passed over.

    Raises:
        InvalidInputError: `path_not_found` or `no_images`.
    """
    from core.datasets.decode import DecodeLimits, UnusableImageError, open_rgb

    limits = DecodeLimits(max_pixels=_MOST_PIXELS, min_side=1)
    found: list[Image.Image] = []
    for path, named in _files(paths):
        if len(found) == count:
            break
        try:
            found.append(open_rgb(path.read_bytes(), limits))
        except OSError as error:
            raise InvalidInputError(
                f"{path} cannot be read: {error}.", code="path_not_found"
            ) from None
        except UnusableImageError as error:
            if named:
                raise InvalidInputError(
                    f"{path} is no usable image: {error.message}.", code="no_images"
                ) from None
    if not found:
        raise InvalidInputError("There is no usable image there.", code="no_images")
    return found
