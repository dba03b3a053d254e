"""Batches of CIFAR, as pickles of Python and in binary. No pickle is run: all it may name is the
few functions by which NumPy pickles arrays of bytes, and those are ours.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarterturn.data.formats.arrays import pictures_of
from quarterturn.data.formats.options import ReadOptions
from quarterturn.data.picture import Picture
from quarterturn.data.unusable import UnusableImageError

_SIDE, _CHANNELS = 32, 3
_PIXELS = _CHANNELS * _SIDE**2
#: Records of CIFAR-10 and CIFAR-100: the largest value of each label in front of the pixels.
_RECORDS = ((9,), (19, 99))
_FEWEST = 10  # records: fewer may be anything
_KEYS = ("data", b"data", "images", b"images", "x", b"x")


class _Array:
    """What NumPy's own functions would have made an array of bytes from."""

    shape: tuple[int, ...] = ()
    bytes_only = False
    fortran = False
    raw = b""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, raw = state
        self.shape = tuple(int(length) for length in shape)
        self.bytes_only = isinstance(kind, _Kind) and kind.code in ("u1", "|u1", "B")
        self.fortran = bool(fortran)
        self.raw = raw.encode("latin1") if isinstance(raw, str) else raw

    def values(self) -> NDArray[np.uint8] | None:
        """The array, None if it holds anything but bytes."""
        count = int(np.prod(self.shape, dtype=object)) if self.shape else 0
        if not self.bytes_only or not isinstance(self.raw, bytes) or count != len(self.raw):
            return None
        flat = np.frombuffer(self.raw, np.uint8)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")


class _Kind:
    """A type of samples by its code; what else is said of it does not matter for bytes."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else str(code)

    def __setstate__(self, _: Any) -> None:
        return


def _encode(text: str, coding: str = "latin1") -> bytes:
    if coding != "latin1":
        raise pickle.UnpicklingError(f"bytes coded as {coding}")
    return text.encode("latin1")


def _array(*_: Any) -> _Array:
    return _Array()


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "_reconstruct"): _array,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _KNOWN.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return found

    def persistent_load(self, _: Any) -> Any:
        raise pickle.UnpicklingError("it names something outside of itself")


def is_pickle(head: bytes) -> bool:
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def read_pickle(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The pictures of a batch: a dictionary whose `data` are bytes, a row a picture.

    Raises:
        UnusableImageError: `not_an_image`, it is another pickle; or what the sizes give.
    """
    try:
        content = _Reader(io.BytesIO(data), encoding="bytes").load()
        arrays = [content.get(key) for key in _KEYS] if isinstance(content, dict) else [content]
        found = next((array for array in arrays if isinstance(array, _Array)), None)
        values = found.values() if found else None
    except MemoryError:
        raise
    except Exception as error:
        raise _refused(f" ({error})") from None
    if values is None:
        raise _refused("")
    if values.ndim == 2:
        side = int(np.sqrt(values.shape[1] // _CHANNELS))
        if values.shape[1] != _CHANNELS * side**2:
            raise _refused(f" (rows of {values.shape[1]} bytes are no square pictures)")
        values = values.reshape(-1, _CHANNELS, side, side)
    yield from pictures_of(values, options)


def _refused(why: str) -> UnusableImageError:
    return UnusableImageError(
        "not_an_image",
        f"a pickle of Python that is no batch of CIFAR{why}; it is never run: save arrays as .npy",
    )


def is_binary(data: bytes) -> bool:
    """Whether a file is nothing but records of labels in their range and of pixels."""
    return _labels_of(data) is not None


def _labels_of(data: bytes) -> int | None:
    for tops in _RECORDS:
        size = len(tops) + _PIXELS
        if len(data) >= _FEWEST * size and len(data) % size == 0:
            records = np.frombuffer(data, np.uint8).reshape(-1, size)
            inside = all((records[:, at] <= top).all() for at, top in enumerate(tops))
            if inside and records[:, len(tops) :].any(axis=1).mean() > 0.5:
                return len(tops)
    return None


def read_binary(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The pictures of a batch of CIFAR-10 or CIFAR-100 in binary."""
    labels = _labels_of(data) or 1
    records = np.frombuffer(data, np.uint8).reshape(-1, labels + _PIXELS)
    yield from pictures_of(records[:, labels:].reshape(-1, _CHANNELS, _SIDE, _SIDE), options)
