"""One trial on this worker: claim, run, report. Imports torch; for worker processes only."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import torch

from core.dispatch import dispatch
from core.errors import CacheFullError, ObjectMissingError, StorageUnavailableError
from core.execution import execute
from core.jobs import claim as trials
from core.jobs.reuse import equal_result, fingerprint
from core.logs import bound
from core.pretraining.hardware import choose_device, limit_threads
from core.pretraining.spec import FINAL
from core.pretraining.trainer import DivergedError
from core.settings import get_settings
from core.storage import storage_of
from core.store.database import session_scope
from core.weights.storing import WeightsUnavailableError
from workers.datasets import OpenDatasets
from workers.heartbeat import Heartbeat, TrialStopped
from workers.identity import worker_name
from workers.log_tail import LogTail
from workers.reporting import report

logger = logging.getLogger(__name__)
_datasets = OpenDatasets()

_MESSAGES = {
    "cancelled": "The job was cancelled.",
    "budget": "The budget of seconds was spent.",
}


@lru_cache(maxsize=1)
def device() -> torch.device:
    """The device of this worker; its threads are set at the first call."""
    settings = get_settings()
    limit_threads(settings.worker_threads, settings.workers)
    return choose_device(settings.device)


def _attempt(claimed: trials.ClaimedTrial, heartbeat: Heartbeat) -> dict[str, Any]:
    settings = get_settings()
    known = fingerprint(claimed, device().type) if settings.reuse_results else None
    if known is not None:
        with session_scope() as session:
            found = equal_result(session, claimed, known)
        if found is not None:
            logger.info("trial %s: result of an equal one", claimed.id)
            return found
    storage = storage_of(settings)
    whole = claimed.spec.task == FINAL
    data = _datasets.get(claimed.dataset_digest, storage, device(), whole=whole)
    outcome = execute(
        claimed.spec, claimed.policy, data, job=claimed.job_id, candidate=claimed.candidate,
        storage=storage, watch=heartbeat.watch,
    )  # fmt: skip
    return {**outcome, "fingerprint": known}


def _failure(error: Exception) -> tuple[str, str]:
    """Reason and message for the user; the traceback goes to the log."""
    if isinstance(error, DivergedError):
        return "diverged", f"Pretraining diverged: {error}."
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "out_of_memory", "The worker ran out of memory; use a smaller batch or encoder."
    if isinstance(error, WeightsUnavailableError):
        return "weights_unavailable", f"What the trial starts from is not there: {error}."
    if isinstance(error, ObjectMissingError):
        return "dataset_unavailable", f"The decoded images are not there: {error.message}"
    if isinstance(error, CacheFullError):
        return "cache_full", error.message
    return "error", f"{type(error).__name__}: {error}"


def _run_claimed(claimed: trials.ClaimedTrial) -> list[str]:
    """Run and report; returns ids of trials to dispatch."""
    settings = get_settings()
    patience = 3 * settings.lease_seconds
    with LogTail() as tail:
        try:
            logger.info("trial %s of job %s begins", claimed.id, claimed.job_id)
            with Heartbeat(claimed, settings, tail) as heartbeat:
                outcome = _attempt(claimed, heartbeat)
        except TrialStopped as stopped:
            if stopped.reason == "lost":
                logger.info("trial %s: lease lost, result dropped", claimed.id)
                return []
            reason = stopped.reason
            return report(lambda s: trials.stop(s, claimed, reason, _MESSAGES[reason]), patience)
        except (SystemExit, KeyboardInterrupt):
            dispatch(report(lambda s: trials.hand_back(s, claimed), settings.heartbeat_seconds))
            raise
        except StorageUnavailableError as error:
            logger.warning("trial %s cannot be run now: %s", claimed.id, error)
            why = error.message
            return report(lambda s: trials.retry(s, claimed, why, settings), patience)
        except Exception as error:
            logger.exception("trial %s failed", claimed.id)
            why, message = _failure(error)
            return report(lambda s: trials.fail(s, claimed, why, message, tail.text), patience)
    return report(lambda s: trials.complete(s, claimed, outcome), patience)


def run(trial_id: str) -> None:
    """Claim and run a trial; without effect if it is no longer to be had."""
    with session_scope() as session:
        claimed = trials.claim(session, trial_id, worker_name(), get_settings())
    if claimed is None:
        with bound(trial_id=trial_id):
            logger.info("trial %s is not to be had; message dropped", trial_id)
        return
    with bound(request_id=claimed.request_id, job_id=claimed.job_id, trial_id=claimed.id):
        dispatch(_run_claimed(claimed))
