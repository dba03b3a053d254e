"""One trial in whichever process: what an executor is given."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from quarterturn.pretrain.spec import ReferenceSpec
from quarterturn.search.history import TrialRequest
from quarterturn.search.spec import SearchSpec
from quarterturn.storage.folder import FolderStorage
from quarterturn.storage.keys import dataset_key

#: What the files of a local search lie under, where a service has the id of a job.
JOB = "search"


class OutOfTimeError(Exception):
    """The budget of seconds ended during the trial."""


@dataclass(frozen=True)
class Task:
    """A trial as plain data, so that any executor can carry it to another process or machine.

    Attributes:
        folder: of the search; every process must see it.
        digest: of the images.
        spec: the search as JSON.
        threads: of torch in a process of its own; None leaves them as they are.
        seconds: what is left of the budget; None without one.
    """

    folder: str
    digest: str
    spec: str
    request: TrialRequest
    device: str
    threads: int | None
    seconds: float | None = None


@lru_cache(maxsize=2)
def _load(
    folder: str, digest: str, device: str, whole: bool, reference: ReferenceSpec | None
) -> Any:
    from quarterturn.pretrain.hardware import choose_device
    from quarterturn.trial.data import open_trial_data

    storage = FolderStorage(Path(folder))
    images = Path(folder, dataset_key(digest))
    return open_trial_data(images, choose_device(device), storage, reference, whole=whole)


@lru_cache(maxsize=2)
def _parse(spec: str) -> SearchSpec:
    return SearchSpec.model_validate_json(spec)


def run_trial(task: Task) -> tuple[dict[str, Any], float]:
    """Pretrain and score; returns the outcome and its seconds.

    Raises:
        DivergedError: the loss or the features are not finite. OutOfTimeError.
    """
    from quarterturn.pretrain.hardware import limit_threads
    from quarterturn.pretrain.spec import FINAL, TrialSpec
    from quarterturn.trial.execution import execute

    if task.threads is not None:
        limit_threads(task.threads)
    started = time.perf_counter()

    def watch(_: int) -> None:
        if task.seconds is not None and time.perf_counter() - started > task.seconds:
            raise OutOfTimeError

    spec, request = _parse(task.spec), task.request
    trial = TrialSpec(
        pretraining=spec.pretraining,
        scoring=spec.scoring,
        seed=request.seed,
        iterations=request.iterations,
        schedule_iterations=request.schedule or request.iterations,
        resume_from=request.resume_from,
        task=request.task,
        payload=request.payload,
    )
    scored = not trial.is_kept and trial.payload is None
    reference = spec.scoring.reference if scored else None
    outcome = execute(
        trial,
        request.candidate.policy,
        _load(task.folder, task.digest, task.device, request.task == FINAL, reference),
        job=JOB,
        candidate=request.candidate.key,
        storage=FolderStorage(Path(task.folder)),
        watch=watch,
    )
    return outcome, time.perf_counter() - started
