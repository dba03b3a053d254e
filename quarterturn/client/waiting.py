"""Waiting for a job: how long, and for a server that is away."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from quarterturn.errors import QuarterturnError, UnavailableError
from quarterturn.results.states import FINAL_JOB_STATES

_PATIENCE_SECONDS = 60.0


class WaitTimeoutError(QuarterturnError, TimeoutError):
    """The job has not ended in the time that was given; it goes on."""

    code = "wait_timed_out"


@dataclass
class Patience:
    """What one wait has heard so far, and how long it goes on.

    Attributes:
        timeout: seconds from now, or None for as long as it takes.
    """

    job_id: str
    timeout: float | None
    begun: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)

    def hear(self, state: dict[str, Any]) -> bool:
        """Whether the job has ended; it was heard of now.

        Raises:
            WaitTimeoutError: it has not, and the time is over.
        """
        self.heard = time.monotonic()
        if state["state"] in FINAL_JOB_STATES:
            return True
        self._check()
        return False

    def miss(self, error: UnavailableError) -> None:
        """The server did not answer; for a minute that is waited for.

        Raises:
            UnavailableError: it has been away for longer. WaitTimeoutError.
        """
        if time.monotonic() - self.heard > _PATIENCE_SECONDS:
            raise error
        self._check()

    def pause(self, period: float) -> float:
        """Seconds until the next look, not beyond the time."""
        if self.timeout is None:
            return period
        return max(0.0, min(period, self.begun + self.timeout - time.monotonic()))

    def _check(self) -> None:
        if self.timeout is not None and time.monotonic() - self.begun >= self.timeout:
            raise WaitTimeoutError(
                f"The job {self.job_id} has not ended within {self.timeout:g} seconds; it goes on. "
                "Wait again, or stop it."
            )
