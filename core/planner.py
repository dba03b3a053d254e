"""Processes that read, check and plan what users ask for, so that no request holds up the others.

What is asked for decides how long that takes. Each call has a limit of time and of memory, and ends
with the client that asked. A process that was ended is started again by the next call; all end with
this one.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from sqlalchemy.exc import DataError, SQLAlchemyError

from core import logs
from core.settings import get_settings
from quarterturn.errors import InvalidInputError, UnavailableError
from quarterturn.processes import Processes

COUNT = 2
_PREFIX = "QUARTERTURN_"
_guard = threading.Lock()
_processes: Processes | None = None


def too_large() -> InvalidInputError:
    """What to say of a search that cannot be planned within the limits."""
    settings = get_settings()
    return InvalidInputError(
        f"The search is too large to be planned within {settings.planning_seconds:g} s and "
        f"{settings.planning_memory_bytes / 2**30:.1f} GiB of memory. Ask for fewer candidates, "
        "operations, rungs or generations.",
        code="search_too_large",
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)}


def _prepare(environment: dict[str, str]) -> None:
    """Take the settings of the parent over; a limit of memory that a call has used up is its own
    fault, and its process goes on.
    """
    if environment != _environment():
        for name in _environment():
            del os.environ[name]
        os.environ.update(environment)
        get_settings.cache_clear()
    settings = get_settings()
    logs.configure(settings, "api")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (settings.planning_memory_bytes, hard))


def _called(environment: dict[str, str], function: Callable[..., Any], *args: Any) -> Any:
    _prepare(environment)
    # By default the signal ends the process, wherever it is. To begin a process does not count.
    signal.setitimer(signal.ITIMER_REAL, get_settings().planning_seconds)
    try:
        return function(*args)
    except (MemoryError, RecursionError):
        raise too_large() from None
    except DataError as error:
        raise InvalidInputError(
            "A text or number of the request cannot be stored; are there NUL characters in it?",
            code="invalid_text",
        ) from error
    except SQLAlchemyError as error:
        raise UnavailableError(
            "The database does not answer. Try again shortly.", code="database_unavailable"
        ) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def submit(function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Call a function of a module in one of the processes; it has the settings of this one."""
    global _processes
    with _guard:
        if _processes is None:
            _processes = Processes(COUNT)
        return _processes.submit(_called, _environment(), function, *args)


def give_up(future: Future[Any]) -> None:
    """End a call, whatever it is doing."""
    with _guard:
        if _processes is not None:
            _processes.give_up(future)
