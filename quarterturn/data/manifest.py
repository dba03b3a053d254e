"""Lists of files: a path a line, or a column of a table. Whatever else a line holds is not read."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from quarterturn.data.members import Skipped
from quarterturn.errors import InvalidInputError

#: Columns and keys that name files, in the order in which they are looked for.
COLUMNS = (
    "path",
    "file",
    "file_name",
    "filename",
    "filepath",
    "file_path",
    "image_path",
    "img_path",
    "image",
    "img",
    "image_name",
)
_TABLES = {".csv": ",", ".tsv": "\t"}
_LINES = (".jsonl", ".ndjson")
_MAX_LINE = 64 * 2**10
_LOOKED_AT = 20


def is_manifest(path: Path) -> bool:
    """Whether a file is a list of files, by its ending."""
    return path.is_file() and path.suffix.lower() in (".txt", *_TABLES, *_LINES)


class Manifest:
    """The files that a .txt, .csv, .tsv or .jsonl names; paths are relative to its own folder.

    Going through it gives names and paths, and raises:
        InvalidInputError: `invalid_manifest`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[tuple[str, Path] | Skipped]:
        kind = self.path.suffix.lower()
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as stream:
                if kind in _TABLES:
                    names = self._of_table(stream, _TABLES[kind])
                else:
                    names = self._of_json(stream) if kind in _LINES else self._of_lines(stream)
                for name in names:
                    yield self._file(name) if isinstance(name, str) else name
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._refused(f"cannot be read as text: {error}") from None

    def _refused(self, what: str) -> InvalidInputError:
        return InvalidInputError(
            f"{self.path.name} {what}. A list of files is a .txt with a path a line, or a .csv, "
            ".tsv or .jsonl with a column `path`; paths are relative to its folder.",
            code="invalid_manifest",
        )

    def _file(self, name: str) -> tuple[str, Path] | Skipped:
        if "://" in name[:16]:
            return Skipped(name, "unreadable", "an address; download the file first")
        if "\0" in name:
            return Skipped(name, "unreadable", "cannot be read: no name of a file")
        return name, self.path.parent / name

    def _is_there(self, name: str) -> bool:
        try:
            return bool(name) and (self.path.parent / name).exists()
        except (OSError, ValueError):
            return False

    def _lines(self, stream: TextIO) -> Iterator[str]:
        while line := stream.readline(_MAX_LINE + 1):
            if len(line) > _MAX_LINE:
                raise self._refused(f"has a line of more than {_MAX_LINE} characters")
            yield line

    def _of_lines(self, stream: TextIO) -> Iterator[str]:
        for line in self._lines(stream):
            name = line.strip()
            # Lists of trainings have a label behind the path.
            first = name.rsplit(maxsplit=1)[0] if name else ""
            if name:
                yield first if not self._is_there(name) and self._is_there(first) else name

    def _of_json(self, stream: TextIO) -> Iterator[str | Skipped]:
        for number, line in enumerate(self._lines(stream), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                raise self._refused(f"is no JSON in line {number}") from None
            found = row if isinstance(row, str) else None
            if isinstance(row, dict):
                found = next((row[key] for key in COLUMNS if isinstance(row.get(key), str)), None)
            if found is None:
                yield Skipped(f"line {number}", "unreadable", "names no file; add the key `path`")
            else:
                yield found

    def _of_table(self, stream: TextIO, delimiter: str) -> Iterator[str | Skipped]:
        rows = csv.reader(self._lines(stream), delimiter=delimiter)
        first = list(islice(rows, _LOOKED_AT))
        heads = [cell.strip().lower() for cell in first[0]] if first else []
        place = next((heads.index(name) for name in COLUMNS if name in heads), None)
        start = 1
        if place is None:
            place, start = self._column_of_files(first)
        for number, row in enumerate(chain(first[start:], rows), start + 1):
            if place < len(row) and row[place].strip():
                yield row[place].strip()
            elif row:
                yield Skipped(f"line {number}", "unreadable", "names no file")

    def _column_of_files(self, rows: list[list[str]]) -> tuple[int, int]:
        """The first column that names files which are there, and the row at which they begin."""
        for start, row in enumerate(rows[:2]):
            for place, cell in enumerate(row):
                if self._is_there(cell.strip()) and Path(self.path.parent, cell.strip()).is_file():
                    return place, start
        raise self._refused("has no column of files")
