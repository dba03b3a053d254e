"""How the library starts a service on this machine: the entry point `quarterturn.service`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.embedded.stack import running_or_started
from core.settings import Settings


@contextmanager
def embedded_service(
    data_dir: Path | None, starting: Callable[[], None]
) -> Iterator[tuple[str, bool]]:
    """The address of the service on a data folder, by default that of the settings, started for the
    block if none runs there; and whether it outlives the block.

    Args:
        starting: called before one is started, which takes seconds.
    """
    settings = Settings()
    if data_dir is not None:
        settings = settings.model_copy(update={"data_dir": data_dir})
    with running_or_started(settings, starting) as service:
        yield service
