"""Rankings and trials as tables of pandas, which is not needed otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from quarterturn.errors import library_missing

if TYPE_CHECKING:
    import pandas

#: Columns of a ranking, of which its lines have more.
RANKING_COLUMNS = (
    "rank",
    "name",
    "origin",
    "score",
    "standard_error",
    "seeds",
    "iterations",
    "stage",
    "reported",
    "reported_error",
    "tied_with_best",
    "collapsed",
)


def to_frame(
    rows: Sequence[dict[str, Any]], columns: Sequence[str] | None, what: str
) -> pandas.DataFrame:
    """The rows as a table.

    Raises:
        UnavailableError: `library_missing`, pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise library_missing("pandas", what) from None
    return pandas.DataFrame(list(rows), columns=None if columns is None else list(columns))
