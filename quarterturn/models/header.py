"""The header of a safetensors file, checked before anything else looks at the file.

Format: 8 bytes with the length of the header, little-endian, then JSON that maps each name to
`{"dtype", "shape", "data_offsets"}`, then the bytes. Everything here is done without torch.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from quarterturn.errors import InvalidInputError

Shape = tuple[int, ...]

#: Bytes per number of what is accepted. Encoders have floats; counters of batch norms are I64.
DTYPES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4}
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
_MOST_HEADER = 4 * 2**20
_MOST_TENSORS = 20_000
_LONGEST_NAME = 400
_MOST_AXES = 8


def refusal(sentence: str) -> InvalidInputError:
    """The error for a file that cannot be a checkpoint."""
    return InvalidInputError(
        f"The checkpoint is not usable: {sentence}",
        code="invalid_checkpoint",
        fields=[{"path": "$.file", "message": sentence}],
    )


def _raw(path: Path) -> tuple[dict[str, Any], int]:
    """The JSON of the header, and how many bytes follow it."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or not 2 <= length <= size - 8:
            raise refusal("it is not a safetensors file, or it is cut short.")
        if length > _MOST_HEADER:
            raise refusal(f"its header is larger than {_MOST_HEADER} bytes.")
        text = stream.read(length)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise refusal("its header is not JSON.") from None
    if not isinstance(document, dict):
        raise refusal("its header is not a JSON object.")
    return document, size - 8 - length


def _whole(values: Any, most: int) -> tuple[int, ...] | None:
    """The values if they are a list of at most `most` whole numbers from 0."""
    if not isinstance(values, list) or len(values) > most:
        return None
    if not all(type(value) is int and 0 <= value < 2**48 for value in values):
        return None
    return tuple(values)


def read_header(path: Path) -> dict[str, tuple[str, Shape]]:
    """Dtype and shape of each tensor of a safetensors file.

    Raises:
        InvalidInputError: `invalid_checkpoint`, for anything but a plain file of accepted dtypes
            whose tensors fill it without gaps or overlaps.
    """
    document, data = _raw(path)
    document.pop("__metadata__", None)
    if not document or len(document) > _MOST_TENSORS:
        raise refusal(f"it has {len(document)} tensors; 1 to {_MOST_TENSORS} are accepted.")
    found: dict[str, tuple[str, Shape]] = {}
    ranges: list[tuple[int, ...]] = []
    for name, entry in document.items():
        shown = name[:80]
        entry = entry if isinstance(entry, dict) else {}
        dtype = entry.get("dtype")
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise refusal(f"tensor {shown!r} is not of one of the types {', '.join(DTYPES)}.")
        shape = _whole(entry.get("shape"), _MOST_AXES)
        offsets = _whole(entry.get("data_offsets"), 2)
        if shape is None or offsets is None or len(offsets) != 2 or len(name) > _LONGEST_NAME:
            raise refusal(f"the entry of tensor {shown!r} is malformed.")
        if offsets[1] - offsets[0] != math.prod(shape) * DTYPES[dtype]:
            raise refusal(f"tensor {shown!r} has not as many bytes as its shape says.")
        found[name] = (dtype, shape)
        ranges.append(offsets)
    at = 0
    for start, end in sorted(ranges):
        if start != at:
            raise refusal("its tensors overlap, or leave gaps.")
        at = end
    if at != data:
        raise refusal("it is cut short, or has bytes that belong to no tensor.")
    return found
