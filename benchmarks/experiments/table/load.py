"""The table, as it is in the repository."""

from __future__ import annotations

from pathlib import Path

from benchmarks.experiments.table.rows import Row, read_csv

TABLE = Path(__file__).parent / "data" / "table.csv"


def load_table(path: Path | None = None) -> list[Row]:
    """The rows of the committed table, or of another file with its columns, in its order."""
    return read_csv((path or TABLE).read_text())
