"""The last lines that were logged during a trial, for whoever asks why it failed."""

from __future__ import annotations

import logging
from collections import deque
from types import TracebackType
from typing import Self

_LINES = 40
_LONGEST_LINE = 500


class LogTail(logging.Handler):
    """Keeps the last lines of all loggers while its block runs; `text` gives them."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        self._lines: deque[str] = deque(maxlen=_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        # A copy without the traceback: that is in the log of the worker, and no use to a user.
        plain = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None})
        self._lines.append(self.format(plain)[:_LONGEST_LINE])

    @property
    def text(self) -> str | None:
        """The lines, or None if nothing was logged. May be asked for by another thread."""
        self.acquire()
        try:
            return "\n".join(self._lines) or None
        finally:
            self.release()

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.getLogger().removeHandler(self)
