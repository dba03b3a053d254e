"""The table that comes with the library, or another of the same columns."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from quarterturn.errors import library_missing
from quarterturn.table.rows import Row, read_csv

if TYPE_CHECKING:
    import pandas

TABLE = Path(__file__).parent / "data" / "table.csv"


def load_table(path: Path | None = None) -> list[Row]:
    """The rows of the table, or of another file with its columns, in its order."""
    return read_csv((path or TABLE).read_text())


def table_frame(path: Path | None = None) -> pandas.DataFrame:
    """The same as a DataFrame, one row per run.

    Raises:
        UnavailableError: `library_missing`, pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise library_missing("pandas", "The table as a DataFrame") from None
    return pandas.DataFrame([asdict(row) for row in load_table(path)])
