"""What a search may be given as images, and how it becomes a decoded set in its folder."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from quarterturn.data.asked import PictureOptions
from quarterturn.data.cache import CacheInfo
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.ingest import IngestReport, ingest
from quarterturn.data.members import Member, Members, Skipped
from quarterturn.data.sources import archive_members, folder_members
from quarterturn.errors import InvalidInputError
from quarterturn.local.items import image_of, is_deep, to_samples
from quarterturn.storage import Storage

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    #: A folder or an archive; an array (n, h, w) or (n, h, w, 3); PIL images, arrays (h, w) or
    #: (h, w, 3) and tensors (c, h, w), one by one; a torch dataset of any of these, or of tuples
    #: that begin with one. Numbers are uint8, or floats in [0, 1].
    Images = str | Path | np.ndarray | Iterable[Any] | Dataset[Any]


@dataclass(frozen=True)
class ReadImages:
    """A decoded set under its digest in the storage, and what became of the files."""

    name: str
    info: CacheInfo
    report: IngestReport


def _refuse(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{what}. Give a folder, an archive, an array (n, h, w, 3) of uint8 or of floats in "
        "[0, 1], PIL images, or a torch dataset of images.",
        code="invalid_images",
    )


def _to_uint8(pixels: np.ndarray) -> np.ndarray:
    """(h, w) or (h, w, 3) as uint8; floats must lie in [0, 1]."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise _refuse(f"An image has the shape {pixels.shape}")
    if pixels.dtype == np.uint8:
        return pixels
    if not np.issubdtype(pixels.dtype, np.floating):
        raise _refuse(f"An image has the type {pixels.dtype}")
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0.0 and high <= 1.0):
        raise _refuse(f"An image has values from {low:.4g} to {high:.4g}")
    return np.rint(pixels * 255.0).astype(np.uint8)


def _to_picture(item: Any) -> Image.Image:
    """One image of any kind that is taken; of a pair (image, label) the image."""
    item = image_of(item)
    if isinstance(item, Image.Image):
        return item
    if isinstance(item, np.ndarray):
        return Image.fromarray(_to_uint8(item))
    if hasattr(item, "detach") and hasattr(item, "numpy"):  # a tensor, channels first
        pixels = item.detach().cpu().numpy()
        if pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        return Image.fromarray(_to_uint8(pixels))
    raise _refuse(f"An item is a {type(item).__name__}, which is no image")


def _items(images: Any) -> Iterator[Any]:
    """The items of a sequence, an iterable, or a torch dataset, which may have only a length."""
    if hasattr(images, "__getitem__") and hasattr(images, "__len__"):
        return (images[place] for place in range(len(images)))
    if hasattr(images, "__iter__"):
        return iter(images)
    raise _refuse(f"Images cannot be read from a {type(images).__name__}")


def _file_of(item: Any, asked: PictureOptions) -> tuple[str, bytes]:
    """One image as a file, without loss, so that it takes the way of all files: a PNG, or an array
    where it has more than 8 bits, or bands that were asked for.
    """
    buffer = io.BytesIO()
    samples = to_samples(item)
    if samples is not None and is_deep(samples, asked):
        np.save(buffer, samples)
        return "npy", buffer.getvalue()
    _to_picture(item).save(buffer, "PNG", compress_level=1)
    return "png", buffer.getvalue()


def _encoded(images: Any, caps: Caps, asked: PictureOptions) -> Iterator[Member]:
    for number, item in enumerate(_items(images)):
        kind, data = _file_of(item, asked)
        caps.count(files=1, size=len(data))
        yield Member(f"{number:08d}.{kind}", data)


def _members(images: Any, caps: Caps, asked: PictureOptions) -> Iterable[Member | Skipped]:
    """Images as files: read anew each time, but for those that can be gone through only once."""
    encoded = _encoded(images, caps, asked)
    # The first now: what is no image at all is refused before anything is started.
    first = list(itertools.islice(encoded, 1))
    if isinstance(images, Iterator):
        return itertools.chain(first, encoded)
    caps.restart()
    return Members(lambda: _encoded(images, caps, asked))


def read_images(
    images: Images,
    storage: Storage,
    limits: IngestLimits,
    resolution: int | None = None,
    asked: PictureOptions | None = None,
) -> ReadImages:
    """Decode images into the storage, by their digest.

    Args:
        resolution: side of the decoded images in pixels; by default from the images themselves.
        asked: window, bands and fit.

    Raises:
        InvalidInputError: `path_not_found`, `invalid_images`, `no_images`, `too_few_images`, or as
            `quarterturn.data.ingest` says.
    """
    caps, asked = Caps(limits), asked or PictureOptions()
    members: Iterable[Member | Skipped]
    if isinstance(images, str | Path):
        path = Path(images)
        if not (path.is_file() or path.is_dir()):
            raise InvalidInputError(
                f"There is no file or folder at {path}. Give a folder of images or an archive.",
                code="path_not_found",
            )
        name = path.resolve().name.split(".")[0] or "images"
        members = folder_members(path, caps) if path.is_dir() else archive_members(path, caps)
    else:
        name = "images"
        members = _members(images, caps, asked)
    info, report = ingest(members, caps, storage, resolution, asked=asked)
    return ReadImages(name, info, report)
