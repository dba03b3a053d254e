"""Arrays: .npy and .npz of NumPy, and the files of MNIST. Nothing in them is run."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.formats.bands import choose_bands
from quarterturn.data.formats.options import ReadOptions
from quarterturn.data.picture import Picture, Plain, Samples
from quarterturn.data.unusable import DecodeLimits, UnusableImageError, check_size

#: More channels than this are no channels but pictures, or columns of pixels.
_MAX_CHANNELS = 16
#: No picture is so much longer than wide, and tables are.
_MAX_ASPECT = 32


def is_npy(head: bytes) -> bool:
    return head.startswith(b"\x93NUMPY")


def is_idx(head: bytes) -> bool:
    """Whether it is MNIST's: bytes, of two to four axes."""
    return head[:3] == b"\0\0\x08" and len(head) > 3 and head[3] in (2, 3, 4)


def is_npz(data: bytes) -> bool:
    """Whether it is a .zip of nothing but arrays."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except Exception:
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _load(source: Any, *, mapped: bool = False) -> NDArray[Any]:
    mode: Literal["r"] | None = "r" if mapped else None
    try:
        return np.load(source, mmap_mode=mode, allow_pickle=False)  # type: ignore[no-any-return]
    except MemoryError:
        raise
    except Exception as error:
        if "pickle" in str(error) or "objects" in str(error):
            raise UnusableImageError(
                "unsupported_mode", "an array of Python objects; save numbers"
            ) from None
        raise UnusableImageError(
            "damaged", f"an array that cannot be read ({error}); copy or save it again"
        ) from None


def read_npy(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The pictures of an array.

    Raises:
        UnusableImageError: `damaged`, `unsupported_mode`, `no_picture` or what the sizes give.
    """
    yield from pictures_of(_load(io.BytesIO(data)), options)


def map_npy(path: str, options: ReadOptions, start: int) -> Iterator[Picture]:
    """The pictures of an array in a file of any size, from one on; read as they are asked for.

    Raises:
        UnusableImageError: as `read_npy`.
    """
    yield from pictures_of(_load(path, mapped=True), options, start=start)


def read_npz(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The pictures of all arrays that are pictures; labels are passed over."""
    some = False
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(info.file_size for info in archive.infolist()) > options.limits.max_unpacked:
            raise _too_large(options.limits)
        for info in archive.infolist():
            with archive.open(info) as stream:
                unpacked = stream.read(options.limits.max_unpacked + 1)
            if len(unpacked) > options.limits.max_unpacked:
                raise _too_large(options.limits)
            values = _load(io.BytesIO(unpacked))
            if values.ndim < 2 or values.dtype.kind not in "biuf" or 1 in values.shape[:2]:
                continue
            if values.ndim == 2 and min(values.shape) < options.limits.min_side:
                continue  # labels
            some = True
            yield from pictures_of(values, options, info.filename.removesuffix(".npy"))
    if not some:
        raise UnusableImageError("no_picture", "arrays of which none has the shape of pictures")


def _too_large(limits: DecodeLimits) -> UnusableImageError:
    return UnusableImageError(
        "file_too_large",
        f"unpacks to more than {limits.max_unpacked} bytes, a quarter of "
        f"{limits.name_of('decode_memory_bytes')}; split it",
    )


def read_idx(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The pictures of a file of MNIST."""
    axes = data[3]
    shape = np.frombuffer(data, ">u4", axes, 4).astype(np.int64)
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * axes)
    if values.size != shape.prod():
        raise UnusableImageError("damaged", "a file of MNIST of another length than it says")
    yield from pictures_of(values.reshape(shape), options)


def _stack(values: NDArray[Any]) -> NDArray[Any]:
    """(n, h, w, c) of an array of two to four axes: channels come last, or first where there are
    one or three of them; of a stack also where there are four.
    """
    if values.ndim == 2:
        if max(values.shape) > _MAX_ASPECT * min(values.shape):
            raise UnusableImageError(
                "no_picture",
                f"an array of shape {values.shape}: rows of numbers, not a picture; reshape it "
                "to (n, h, w) or (n, h, w, c)",
            )
        return values[None, :, :, None]
    first, last = values.shape[-3], values.shape[-1]
    few_first = (
        first in ((1, 3, 4) if values.ndim == 4 else (1, 3))
        and min(values.shape[-2:]) > _MAX_CHANNELS
    )
    if last <= _MAX_CHANNELS and min(values.shape[-3:-1]) > last:
        stack = values
    elif few_first:
        stack = np.moveaxis(values, -3, -1)
    elif values.ndim == 3:
        return values[..., None]
    else:
        raise UnusableImageError(
            "no_picture", f"an array of shape {values.shape}; save (n, h, w, c) or (n, h, w)"
        )
    return stack if values.ndim == 4 else stack[None]


def pictures_of(
    values: NDArray[Any], options: ReadOptions, name: str = "", start: int = 0
) -> Iterator[Picture]:
    """The pictures of an array of two to four axes, from one on; `name` tells arrays of one file
    apart.

    Raises:
        UnusableImageError: `unsupported_mode`, `no_picture` or what the sizes give.
    """
    if values.dtype.kind not in "biuf":
        raise UnusableImageError(
            "unsupported_mode", f"samples of type {values.dtype}; save numbers"
        )
    if not 2 <= values.ndim <= 4:
        raise UnusableImageError(
            "no_picture", f"an array of shape {values.shape}; save (n, h, w, c) or (n, h, w)"
        )
    stack = _stack(values)
    check_size(stack.shape[2], stack.shape[1], options.limits)
    prefix = f"#{name}" if name else ""
    for number in range(start + 1, len(stack) + 1):
        plane = stack[number - 1]
        label = f"{prefix}#{number}" if len(stack) > 1 else prefix
        chosen, notes = choose_bands(plane, options.bands)
        if chosen.dtype in (np.uint8, np.bool_):
            eight = chosen.astype(np.uint8) * (255 if chosen.dtype == np.bool_ else 1)
            image = Image.fromarray(np.ascontiguousarray(eight))
            yield Plain(image.convert("RGB"), label, notes)
        else:
            yield Samples(chosen, label, notes)
