"""The service, where it is installed: found by entry points, so that nothing of it is imported.

The distribution `quarterturn-service` names its commands in the group `quarterturn.commands`, and
in `quarterturn.service` what starts the whole of it on this machine.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from quarterturn.errors import UnavailableError

#: Its address, and whether it outlives the block.
Embedded = AbstractContextManager[tuple[str, bool]]


def service_missing(what: str) -> UnavailableError:
    """The error for what only the service can do."""
    return UnavailableError(
        f"{what} needs the service. Install it, best in an environment of its own: "
        "pip install quarterturn-service.",
        code="service_missing",
    )


def service_commands() -> list[EntryPoint]:
    """The commands that an installed service adds to the command line; none without one."""
    return sorted(entry_points(group="quarterturn.commands"), key=lambda entry: entry.name)


def embedded_service(
    data_dir: str | Path | None = None, starting: Callable[[], None] = lambda: None
) -> Embedded:
    """The service that runs on a data folder, or one started for the length of the block.

    Args:
        data_dir: by default that of the service's settings.
        starting: called before one is started, which takes seconds.

    Raises:
        UnavailableError: `service_missing`.
    """
    for entry in entry_points(group="quarterturn.service", name="embedded"):
        service: Embedded = entry.load()(None if data_dir is None else Path(data_dir), starting)
        return service
    raise service_missing("A search without --server")
