"""`quarterturn search --extend`: a search of a folder, given more to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quarterturn.cli.outcome import Outcome
from quarterturn.errors import InvalidInputError

#: Of what a search is asked, what does not come from its folder.
_OF_THE_LINE = {
    *("budget", "checkpoint", "reference"),
    *("resolution", "window", "bands", "fit"),
}


def _refused(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="invalid_extension")


def extend_here(
    path: Path,
    asked: dict[str, Any],
    outcome: Outcome,
    folder: Path | None,
    candidates: int | None,
    elsewhere: bool,
    running: dict[str, Any],
) -> None:
    """Go on with the search of a folder, show the ranking, and write the policy.

    Args:
        elsewhere: whether a service was asked for.
        running: where and how `quarterturn.Search` runs.

    Raises:
        InvalidInputError: `invalid_extension`, `path_not_found`.
    """
    from quarterturn.cli.local_search import run_search
    from quarterturn.local import Search

    if folder is None:
        raise _refused("--candidates goes with --extend; a new search has them in --strategy.")
    if elsewhere:
        raise _refused("A job of a service is extended by `quarterturn jobs extend`.")
    given = {name: value for name, value in asked.items() if value is not None}
    if others := sorted(set(given) - _OF_THE_LINE):
        raise _refused(
            f"What is searched for comes from {folder}; leave out {', '.join(others)}, or start "
            "another search."
        )
    search = Search.extending(path, folder, candidates=candidates, **given, **running)
    run_search(search, path, outcome, folder)
