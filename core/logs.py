"""Logs: one JSON object a line, or text for people, with the ids of what is worked on.

Everybody logs by the standard library. What `bound` names is on each line that is logged in its
block, in threads that were given its context too: `request_id`, `job_id`, `trial_id`.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import AbstractContextManager
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from core.settings import Settings

#: Of libraries, where INFO is a line per request or message.
_QUIET = (
    "celery.worker.strategy",
    "celery.app.trace",
    "httpx",
    "httpcore",
    "alembic.runtime.migration",
    "uvicorn.access",
)
#: They bring handlers of their own.
_ADOPTED = ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "celery.task", "py.warnings")


def bound(**ids: str | None) -> AbstractContextManager[None]:
    """Name what is worked on; without those that are None."""
    return structlog.contextvars.bound_contextvars(
        **{name: value for name, value in ids.items() if value is not None}
    )


def current(name: str) -> str | None:
    """What `bound` named, in this context."""
    value = structlog.contextvars.get_contextvars().get(name)
    return None if value is None else str(value)


def _origin(service: str) -> Processor:
    host = socket.gethostname()

    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        # The process id of this moment: workers fork.
        event.setdefault("service", service)
        event.setdefault("worker" if service == "worker" else "process", f"{host}/{os.getpid()}")
        return event

    return add


def _without_colour(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)  # uvicorn's
    return event


def _printable(value: Any) -> Any:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)


def _one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What users wrote can neither end a line nor move the cursor of a terminal."""
    return {key: _printable(value) for key, value in event.items()}


def configure(settings: Settings, service: str) -> None:
    """Send all that this process logs to its standard error, as the settings say.

    Args:
        service: `api` or `worker`.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _origin(service),
        _without_colour,
    ]
    last: list[Any] = [_one_line, structlog.dev.ConsoleRenderer(colors=False)]
    if settings.log_format == "json":
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in _ADOPTED:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
