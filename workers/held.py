"""A trial that this worker holds: heartbeat and log while it runs, and the report of its end."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import torch

from core.jobs import claim as trials
from core.jobs.advance import advance, is_due
from core.jobs.result import record
from core.jobs.twins import TwinRunsError, set_free
from core.settings import Settings
from core.storage import storage_of
from core.store.database import session_scope, statement_scope
from quarterturn.errors import CacheFullError, ObjectMissingError, StorageUnavailableError
from quarterturn.models.storing import WeightsUnavailableError
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.trainer import DivergedError
from quarterturn.trial.execution import forget
from workers.heartbeat import Heartbeat, TrialStopped
from workers.log_tail import LogTail
from workers.reporting import report

logger = logging.getLogger(__name__)

_MESSAGES = {
    "cancelled": "The job was cancelled.",
    "budget": "The budget of seconds was spent.",
}


def _lacks_memory(error: Exception) -> bool:
    """torch has a class for a GPU's memory only."""
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "not enough memory" in text
    )


def _failure(error: Exception) -> tuple[str, str]:
    """Reason and message for the user; the traceback goes to the log."""
    if isinstance(error, DivergedError):
        return "diverged", f"Pretraining diverged: {error}."
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or _lacks_memory(error):
        return "out_of_memory", "The worker ran out of memory; use a smaller batch or encoder."
    if isinstance(error, WeightsUnavailableError):
        return "weights_unavailable", f"What the trial starts from is not there: {error}."
    if isinstance(error, ObjectMissingError):
        return "dataset_unavailable", f"The decoded images are not there: {error.message}"
    if isinstance(error, CacheFullError):
        return "cache_full", error.message
    return "error", f"{type(error).__name__}: {error}"


class HeldTrial:
    """From its claim to `settle` or `hand_back`; `is_open` until then."""

    def __init__(self, claimed: trials.ClaimedTrial, settings: Settings) -> None:
        self.claimed, self._settings = claimed, settings
        self.is_open = True
        self._running = ExitStack()
        self._tail = self._running.enter_context(LogTail())
        logger.info("trial %s of job %s begins", claimed.id, claimed.job_id)
        heartbeat = Heartbeat(claimed, settings, self._tail)
        self.watch = self._running.enter_context(heartbeat).watch

    def end(self) -> None:
        """Stop the heartbeat; without a report the lease runs out, and the trial is retried."""
        self.is_open = False
        self._running.close()

    def settle(self, outcome: Outcome | Exception) -> list[str]:
        """Report a result, or why there is none; returns ids of trials to dispatch."""
        if isinstance(outcome, Exception) and not isinstance(
            outcome, TrialStopped | StorageUnavailableError | TwinRunsError
        ):
            logger.error("trial %s failed", self.claimed.id, exc_info=outcome)
        self.end()
        claimed, settings = self.claimed, self._settings
        patience = 3 * settings.lease_seconds
        if isinstance(outcome, Outcome):
            return self._record(outcome, patience)
        if isinstance(outcome, TrialStopped):
            reason = outcome.reason
            if reason == "lost":
                logger.info("trial %s: lease lost, result dropped", claimed.id)
                return []
            return report(lambda s: trials.stop(s, claimed, reason, _MESSAGES[reason]), patience)
        if isinstance(outcome, TwinRunsError):
            logger.info("trial %s waits for an equal one", claimed.id)
            known = outcome.fingerprint
            return report(lambda s: trials.set_aside(s, claimed, known), patience)
        if isinstance(outcome, StorageUnavailableError):
            logger.warning("trial %s cannot be run now: %s", claimed.id, outcome)
            message = outcome.message
            return report(lambda s: trials.retry(s, claimed, message, settings), patience)
        why, message = _failure(outcome)
        tail = self._tail.text
        return report(lambda s: trials.fail(s, claimed, why, message, tail), patience)

    def _record(self, outcome: Outcome, patience: float) -> list[str]:
        scope = session_scope if outcome.encoder is not None else statement_scope
        if not report(lambda s: record(s, self.claimed, outcome), patience, scope):
            logger.info("trial %s: lease lost, result dropped", self.claimed.id)
            return []
        if outcome.pretraining_seconds >= self._settings.state_seconds:
            forget(
                self.claimed.spec,
                job=self.claimed.job_id,
                candidate=self.claimed.candidate,
                storage=storage_of(self._settings),
            )
        due: list[str] = []
        job_id, trial_id = self.claimed.job_id, self.claimed.id
        # One that took over a result was not waited for.
        if outcome.fingerprint and outcome.iterations_run:
            due += report(lambda s: set_free(s, trial_id), patience, statement_scope)
        if report(lambda s: is_due(s, job_id), patience, statement_scope):
            due += report(lambda s: advance(s, job_id), patience)
        return due

    def hand_back(self) -> list[str]:
        """Return the trial to the queue: the worker is shutting down."""
        self.end()
        claimed = self.claimed
        return report(lambda s: trials.hand_back(s, claimed), self._settings.heartbeat_seconds)
