"""The heartbeat of a running trial: renews the lease and learns of a cancel."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from core.jobs.claim import ClaimedTrial, heartbeat
from core.settings import Settings
from core.store.database import session_scope
from workers.log_tail import LogTail

logger = logging.getLogger(__name__)


class TrialStopped(Exception):
    """The trial is to stop: `reason` is `cancelled`, `lost` or `budget`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Heartbeat:
    """A thread that beats while its block runs; `watch` stops the training loop when asked to."""

    def __init__(self, claimed: ClaimedTrial, settings: Settings, tail: LogTail) -> None:
        self._claimed, self._settings, self._tail = claimed, settings, tail
        self._progress = 0
        self._reason: str | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=contextvars.copy_context().run, args=(self._beat,), name="heartbeat", daemon=True
        )
        left = claimed.seconds_left
        self._deadline = time.monotonic() + left if left is not None else None

    def watch(self, step: int) -> None:
        """Called by the training loop before each step.

        Raises:
            TrialStopped: the trial is to stop.
        """
        self._progress = step
        if self._reason is None and self._deadline and time.monotonic() > self._deadline:
            self._reason = "budget"
        if self._reason is not None:
            raise TrialStopped(self._reason)

    def _beat(self) -> None:
        last_renewal = time.monotonic()
        sent: str | None = None
        while not self._ended.wait(self._settings.heartbeat_seconds):
            text = self._tail.text
            try:
                with session_scope() as session:
                    answer = heartbeat(
                        session,
                        self._claimed,
                        self._progress,
                        self._settings,
                        text if text != sent else None,
                    )
                sent = text
                last_renewal = time.monotonic()
            except SQLAlchemyError as error:
                logger.warning("trial %s: no heartbeat: %s", self._claimed.id, error)
                silent = time.monotonic() - last_renewal
                answer = "lost" if silent > self._settings.lease_seconds else "go on"
            if answer != "go on":
                self._reason = answer
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=10)
