"""NIfTI volumes, as their axial slices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.formats.options import ReadOptions, needs_extra
from quarterturn.data.picture import Picture, Plain, Samples
from quarterturn.data.unusable import UnusableImageError, check_size

_MARKS = (b"n+1\0", b"ni1\0")


def is_nifti(head: bytes) -> bool:
    """Whether a file, unpacked, begins as NIfTI-1 or NIfTI-2 in one file does."""
    return head[344:348] in _MARKS or head[4:8] in (b"n+2\0", b"ni2\0")


def read_nifti(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The slices of a volume across its third axis, seen as radiologists see them: the front of
    the body above, its right side to the left.

    Raises:
        UnusableImageError: `needs_extra`, `damaged`, `no_picture` or what the sizes give.
    """
    try:
        import nibabel
    except ImportError:
        raise needs_extra("a NIfTI volume", "medical") from None
    kind = nibabel.Nifti2Image if data[4:8] == b"n+2\0" else nibabel.Nifti1Image
    if data[344:348] == b"ni1\0" or data[4:8] == b"ni2\0":
        raise UnusableImageError(
            "no_picture", "the header of a NIfTI pair (.hdr, .img); save it as one .nii"
        )
    try:
        image = kind.from_bytes(data)
        turns = nibabel.io_orientation(image.affine)  # type: ignore[no-untyped-call]
        stored = _stored(image)
        stored = stored.reshape(stored.shape + (1,) * (3 - stored.ndim))
        values = nibabel.apply_orientation(stored, turns)  # type: ignore[no-untyped-call]
    except MemoryError:
        raise
    except Exception as error:
        raise UnusableImageError(
            "damaged", f"a NIfTI volume that cannot be read: {error}"
        ) from None
    if min(values.shape[:2]) < 2:
        raise UnusableImageError("no_picture", "a NIfTI file of one axis, not of slices")
    check_size(values.shape[0], values.shape[1], options.limits)
    yield from _slices(values)


def _stored(image: Any) -> NDArray[Any]:
    """Numbers as stored where they are not scaled, so that whole ones stay whole."""
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    if (slope, intercept) == (1.0, 0.0):
        return np.asarray(image.dataobj.get_unscaled())
    return np.asarray(image.dataobj, np.float32)


def _slices(values: NDArray[Any]) -> Iterator[Picture]:
    stack = values.reshape(*values.shape[:2], -1)
    for number in range(stack.shape[2]):
        plane = np.rot90(stack[:, :, number])[:, ::-1]
        label = f"#{number + 1}"
        if plane.dtype.names:  # RGB24
            plane = np.stack([plane[name] for name in plane.dtype.names[:3]], axis=-1)
            yield Plain(Image.fromarray(np.ascontiguousarray(plane)), label)
        elif plane.dtype == np.uint8:
            yield Plain(Image.fromarray(np.ascontiguousarray(plane)).convert("RGB"), label)
        elif plane.dtype.kind in "iuf":
            yield Samples(plane, label)
        else:
            raise UnusableImageError("unsupported_mode", f"samples of type {plane.dtype}")
