"""A whole search in one process: the service's planner and trials, without database or queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.spec import TrialSpec
from quarterturn.pretrain.trainer import DivergedError
from quarterturn.search.history import (
    Candidate,
    History,
    Place,
    Proposal,
    TrialRecord,
    TrialRequest,
)
from quarterturn.search.planning import plan
from quarterturn.search.spec import SearchSpec
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execution import execute

#: Called after each trial with its record and all seconds so far.
Watch = Callable[[TrialRecord, float], None]
#: What is to be tried next; nothing ends the search.
Planner = Callable[[SearchSpec, History], Iterable[TrialRequest]]


@dataclass
class Offline:
    """A finished search: its records and its candidates by key."""

    records: dict[Place, TrialRecord] = field(default_factory=dict)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    seconds: float = 0.0

    def history(self) -> History:
        proposals = tuple(
            Proposal(c.key, c.number, c.parameters or {})
            for c in self.candidates.values()
            if c.number is not None
        )
        return History(tuple(self.records.values()), self.seconds, proposals)


def _execute(spec: SearchSpec, request: TrialRequest, data: TrialData, folder: Path) -> Outcome:
    trial = TrialSpec(
        pretraining=spec.pretraining,
        scoring=spec.scoring,
        seed=request.seed,
        iterations=request.iterations,
        resume_from=request.resume_from,
        schedule_iterations=request.schedule or request.iterations,
        task=request.task,
        payload=request.payload,
    )
    return execute(
        trial,
        request.candidate.policy,
        data,
        job="offline",
        candidate=request.candidate.key,
        storage=FolderStorage(folder),
        watch=lambda _: None,
    )


def record_of(request: TrialRequest, outcome: Outcome | None, seconds: float) -> TrialRecord:
    """The record of a trial; without an outcome it failed."""
    if outcome is None:
        return TrialRecord(*request.place, state="failed", payload=request.payload)
    return TrialRecord.of(request, outcome, seconds)


def search(
    spec: SearchSpec,
    data: TrialData,
    folder: Path,
    planner: Planner = lambda spec, history: plan(spec, history).trials,
    watch: Watch | None = None,
    trained: dict[Place, Outcome | None] | None = None,
) -> Offline:
    """Run a search to its end, trial by trial; `folder` keeps checkpoints.

    Args:
        trained: outcomes of earlier searches of the same images and trials; taken, and added to.
    """
    done = Offline()
    trained = {} if trained is None else trained
    while True:
        started = time.perf_counter()
        coming = [r for r in planner(spec, done.history()) if r.place not in done.records]
        done.seconds += time.perf_counter() - started
        if not coming:
            return done
        for request in coming:
            started = time.perf_counter()
            if request.place not in trained:
                try:
                    trained[request.place] = _execute(spec, request, data, folder)
                except DivergedError:
                    trained[request.place] = None
            outcome = trained[request.place]
            seconds = time.perf_counter() - started
            done.seconds += seconds
            record = record_of(request, outcome, seconds)
            done.records[request.place] = record
            done.candidates.setdefault(request.candidate.key, request.candidate)
            if watch is not None:
                watch(record, done.seconds)
