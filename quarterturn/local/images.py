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
from quarterturn.data.sources import file_member, listed_members, members_of
from quarterturn.errors import InvalidInputError
from quarterturn.local.items import file_in, image_of, is_deep, to_samples
from quarterturn.storage import Storage

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    #: A folder, an archive or a list of files (.txt, .csv, .jsonl); paths; an array (n, h, w) or
    #: (n, h, w, 3); PIL images, arrays (h, w) or (h, w, 3) and tensors (c, h, w), one by one; a
    #: torch or Hugging Face dataset of any of these, or of tuples that begin with one. Numbers are
    #: uint8, or floats in [0, 1].
    Images = str | Path | np.ndarray | Iterable[Any] | Dataset[Any]


@dataclass(frozen=True)
class ReadImages:
    """A decoded set under its digest in the storage, and what became of the files."""

    name: str
    info: CacheInfo
    report: IngestReport


def _refuse(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{what}. Give a folder, an archive, paths, an array (n, h, w, 3) of uint8 or of floats in "
        "[0, 1], PIL images, or a torch or Hugging Face dataset of images.",
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
    if isinstance(images, dict):  # a Hugging Face DatasetDict is one
        raise _refuse(f"These are several sets, {', '.join(map(str, images))}; choose one of them")
    if hasattr(images, "__getitem__") and hasattr(images, "__len__"):
        return (images[place] for place in range(len(images)))
    if hasattr(images, "__iter__"):
        return iter(images)
    raise _refuse(f"Images cannot be read from a {type(images).__name__}")


def _file_of(number: int, item: Any, asked: PictureOptions) -> Member | Skipped:
    """One image as a file, without loss, so that it takes the way of all files: a PNG, or an array
    where it has more than 8 bits, or bands that were asked for.
    """
    buffer = io.BytesIO()
    file = file_in(item)
    if isinstance(file, Path):
        return file_member(str(file), file.absolute())
    if file is not None:
        return Member(f"{number:08d}", file)
    samples = to_samples(item)
    if samples is not None and is_deep(samples, asked):
        np.save(buffer, samples)
        return Member(f"{number:08d}.npy", buffer.getvalue())
    _to_picture(item).save(buffer, "PNG", compress_level=1)
    return Member(f"{number:08d}.png", buffer.getvalue())


def _encoded(images: Any, caps: Caps, asked: PictureOptions) -> Iterator[Member | Skipped]:
    for number, item in enumerate(_items(images)):
        member = _file_of(number, item, asked)
        caps.count(files=1)
        if isinstance(member, Member) and isinstance(member.data, bytes):
            caps.count(size=len(member.data))
        yield member


def _members(images: Any, caps: Caps, asked: PictureOptions) -> Iterable[Member | Skipped]:
    """Images as files: read anew each time, but for those that can be gone through only once."""
    if isinstance(images, list | tuple) and images and isinstance(images[0], str | Path):
        if wrong := [item for item in images if not isinstance(item, str | Path)]:
            raise _refuse(f"A list of paths holds a {type(wrong[0]).__name__}")
        return listed_members([(str(path), Path(path).absolute()) for path in images], caps)
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
                f"There is no file or folder at {path}. Give a folder of images, an archive or a "
                "list of files.",
                code="path_not_found",
            )
        name = path.resolve().name.split(".")[0] or "images"
        members = members_of(path, caps)
    else:
        name = "images"
        members = _members(images, caps, asked)
    info, report = ingest(members, caps, storage, resolution, asked=asked)
    return ReadImages(name, info, report)
