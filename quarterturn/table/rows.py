"""Rows of the table: what a run is, what was measured of it, and both as text."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

#: Rows measured by this benchmark, and those of an earlier collection with the same protocol.
OWN, EARLIER = "table", "shared"
_DIGITS = 5
_TEXT = ("set", "policy", "encoder", "source")
_WHOLE = ("seed", "iterations")


@dataclass(frozen=True, order=True)
class Run:
    """One pretraining; `iterations` is its whole cosine schedule."""

    set: str
    policy: str
    seed: int
    iterations: int
    encoder: str = "conv4"

    def file_stem(self) -> str:
        """A relative path without a suffix, the same for the same run only."""
        policy = "".join(c if c.isalnum() or c in ".+-" else "_" for c in self.policy)
        return f"{self.encoder}/{self.iterations}/{self.set}/{policy}-{self.seed}"


@dataclass(frozen=True)
class Row:
    """A run and its numbers, NaN where one was not measured.

    Criteria are signed so that more is better as far as their authors claim. `seconds` are those of
    pretraining: of the processor on a CPU, of the clock on a GPU. The order of the fields is the
    order of the columns.
    """

    set: str
    policy: str
    seed: int
    iterations: int
    encoder: str
    source: str = OWN
    accuracy_by_labels: float = math.nan
    accuracy_pretrain: float = math.nan
    accuracy_probe_train: float = math.nan
    accuracy_probe_test: float = math.nan
    accuracy_evaluation: float = math.nan
    rotation: float = math.nan
    rotation_sampling_error: float = math.nan
    rotation_cross_entropy: float = math.nan
    rotation_half_turn: float = math.nan
    rotation_untrained: float = math.nan
    reference_r2: float = math.nan
    reference_r2w: float = math.nan
    reference_knn: float = math.nan
    reference_cka: float = math.nan
    retrieval: float = math.nan
    composite: float = math.nan
    infonce: float = math.nan
    alignment: float = math.nan
    uniformity: float = math.nan
    rankme: float = math.nan
    alpha_req: float = math.nan
    lidar: float = math.nan
    feature_std: float = math.nan
    loss: float = math.nan
    collapsed: float = math.nan
    seconds: float = math.nan

    @property
    def run(self) -> Run:
        """What was run."""
        return Run(self.set, self.policy, self.seed, self.iterations, self.encoder)

    def numbers(self) -> dict[str, float]:
        """The measured columns by name."""
        return {name: getattr(self, name) for name in NUMBERS}


COLUMNS = tuple(field.name for field in fields(Row))
NUMBERS = tuple(name for name in COLUMNS if name not in (*_TEXT, *_WHOLE))
#: The accuracy on each part of a set of a probe fitted to the other three.
PART_ACCURACIES = tuple(name for name in NUMBERS if name.startswith("accuracy_"))[1:]


def round_number(value: float) -> float:
    """To five significant digits."""
    return float(f"{value:.{_DIGITS}g}")


def _parse(record: dict[str, Any]) -> Row:
    """A row from text or numbers by column; unknown columns are ignored, missing ones are NaN."""
    values: dict[str, Any] = {}
    for name in COLUMNS:
        given = record.get(name)
        if name in _WHOLE:
            values[name] = int(record[name])
        elif name in _TEXT:
            values[name] = OWN if given is None else str(given)
        else:
            values[name] = math.nan if given in (None, "") else float(given)
    return Row(**values)


def build_row(run: Run, numbers: Mapping[str, float]) -> Row:
    """A row of this benchmark from its numbers by column."""
    return _parse({**asdict(run), **numbers})


def write_row(path: Path, row: Row) -> None:
    """One row as a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {name: value for name, value in asdict(row).items() if value == value}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(known))
    partial.replace(path)


def read_row(path: Path) -> Row:
    """A row that `write_row` wrote."""
    return _parse(json.loads(path.read_text()))


def read_csv(text: str) -> list[Row]:
    """Rows of a CSV file with a header."""
    return [_parse(record) for record in csv.DictReader(io.StringIO(text))]


def merge(*sources: Iterable[Row]) -> list[Row]:
    """One row per run, those of later sources winning, in the order of the runs."""
    found = {row.run: row for rows in sources for row in rows}
    return [found[run] for run in sorted(found)]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.{_DIGITS}g}"
    return str(value)


def to_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV, numbers to five significant digits, missing ones empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([[_cell(getattr(row, name)) for name in COLUMNS] for row in rows])
    return stream.getvalue()
