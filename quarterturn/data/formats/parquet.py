"""Parquet with a column of images, as Hugging Face keeps its sets: only that column is read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from quarterturn.data.formats.options import ReadOptions, needs_extra
from quarterturn.data.unusable import UnusableImageError

if TYPE_CHECKING:
    import pyarrow

_ROWS = 32  # at a time, which bounds the memory
_NAMES = ("image", "img", "jpg", "jpeg", "png", "webp", "picture", "photo")


def no_file() -> UnusableImageError:
    """The error of a row that names a file at most."""
    return UnusableImageError(
        "no_picture",
        "a row without the bytes of a file; write the table with its images in it, or give a list "
        "of the files",
    )


def is_parquet(head: bytes) -> bool:
    return head.startswith(b"PAR1")


def image_files(
    source: bytes | str, options: ReadOptions, start: int = 0
) -> Iterator[tuple[int, bytes | None]]:
    """Rows, counted from 0, and the files of images in them, None where there is none; from row
    `start` on.

    Args:
        source: the file, or its path, which is then read a few rows at a time.

    Raises:
        UnusableImageError: `needs_extra`, `damaged`, `no_picture`.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise needs_extra("a parquet file", "parquet") from None
    opened: IO[bytes] | str = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with parquet.ParquetFile(opened, memory_map=False, pre_buffer=False) as file:
            column = _column(file.schema_arrow)
            before = 0
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if before + rows > start:
                    yield from _rows(file, group, column, before, start, options)
                before += rows
    except (UnusableImageError, MemoryError):
        raise
    except Exception as error:
        raise UnusableImageError(
            "damaged", f"a parquet file that cannot be read: {str(error)[:200]}"
        ) from None


def _rows(
    file: Any, group: int, column: str, before: int, start: int, options: ReadOptions
) -> Iterator[tuple[int, bytes | None]]:
    number = before
    batches = file.iter_batches(_ROWS, row_groups=[group], columns=[column], use_threads=False)
    for batch in batches:
        if number + batch.num_rows <= start:
            number += batch.num_rows
            continue
        for value in batch.column(0):
            data = value.as_py()
            data = data.get("bytes") if isinstance(data, dict) else data
            if number >= start:
                if len(data or b"") > options.limits.max_bytes:
                    name = options.limits.name_of("max_member_bytes")
                    raise UnusableImageError(
                        "file_too_large",
                        f"row {number + 1} is larger than {options.limits.max_bytes} bytes; leave "
                        f"it out, or raise {name}",
                    )
                yield number, data
            number += 1


def _column(schema: pyarrow.Schema) -> str:
    """The name of the column of files: bytes of its own, or the `bytes` of a structure."""
    import pyarrow as pa

    def is_binary(kind: pyarrow.DataType) -> bool:
        return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

    found: list[tuple[str, str]] = []
    for field in schema:
        if is_binary(field.type):
            found.append((field.name, field.name))
        elif (
            pa.types.is_struct(field.type)
            and field.type.get_field_index("bytes") >= 0
            and is_binary(field.type.field("bytes").type)
        ):
            found.append((field.name, f"{field.name}.bytes"))
    if not found:
        columns = ", ".join(schema.names[:8])
        raise UnusableImageError(
            "no_picture",
            f"a parquet file without a column of image files (it has {columns[:200]}); save the "
            "bytes of the files in one, not their paths",
        )
    known = {name.lower(): path for name, path in found}
    return next((known[name] for name in _NAMES if name in known), found[0][1])
