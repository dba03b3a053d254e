"""The loop of a search: ask the planner, run what it wants, record, ask again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field, replace

from quarterturn.errors import QuarterturnError
from quarterturn.local.executors import Executor, Pending, wait_for_any
from quarterturn.local.running import OutOfTimeError, Task, run_trial
from quarterturn.local.trials import FinishedTrial, TrialLog, failed_trial, finished_trial
from quarterturn.search.course import plan
from quarterturn.search.history import (
    Candidate,
    History,
    Place,
    Proposal,
    TrialRecord,
    TrialRequest,
)
from quarterturn.search.planning import in_rounds, look_now
from quarterturn.search.spec import SearchSpec

#: How often a trial is tried whose process dies.
_MAX_ATTEMPTS = 3


@dataclass
class Progress:
    """What has been done: trials and candidates in their order, and how the search ended."""

    trials: dict[Place, FinishedTrial] = field(default_factory=dict)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    elapsed: float = 0.0
    exhausted: str | None = None
    stopped: bool = False

    def add(self, trial: FinishedTrial) -> None:
        self.trials[trial.record.place] = trial
        self.candidates.setdefault(trial.candidate.key, trial.candidate)
        self.elapsed = max(self.elapsed, trial.elapsed)

    def history(self, unfinished: Iterable[TrialRecord] = ()) -> History:
        """What strategies plan from."""
        proposals = tuple(
            Proposal(c.key, c.number, c.parameters or {})
            for c in self.candidates.values()
            if c.number is not None
        )
        records = tuple(trial.record for trial in self.trials.values())
        return History((*records, *unfinished), self.elapsed, proposals)


class Loop:
    """Runs a search from where `progress` is to its end.

    Args:
        task_of: makes the task of a request, given the seconds that are left.
        capacity: trials under way at a time.
        watch: called after each trial.
    """

    def __init__(
        self,
        spec: SearchSpec,
        progress: Progress,
        log: TrialLog,
        executor: Executor,
        task_of: Callable[[TrialRequest, float | None], Task],
        capacity: int,
        watch: Callable[[FinishedTrial], None],
    ) -> None:
        self._spec, self._progress, self._log = spec, progress, log
        self._executor, self._task_of, self._capacity = executor, task_of, capacity
        self._watch = watch
        self._queue: dict[Place, TrialRequest] = {}
        self._running: dict[Pending, TrialRequest] = {}
        self._withdrawn: list[TrialRecord] = []
        self._attempts: Counter[Place] = Counter()
        self._before, self._started = progress.elapsed, time.monotonic()

    def run(self) -> None:
        """Until the plan is finished; Ctrl-C ends it early, with what has been recorded."""
        try:
            while self._plan():
                self._submit()
                if self._running:
                    for call in wait_for_any(self._running):
                        self._settle(call, self._running.pop(call))
        except KeyboardInterrupt:
            self._progress.stopped = True
            for call in self._running:
                call.cancel()

    def _clock(self) -> float:
        self._progress.elapsed = self._before + time.monotonic() - self._started
        return self._progress.elapsed

    def _unfinished(self) -> list[TrialRecord]:
        queued = [TrialRecord(*r.place, state="queued") for r in self._queue.values()]
        running = [TrialRecord(*r.place, state="running") for r in self._running.values()]
        return [*queued, *running, *self._withdrawn]

    def _plan(self) -> bool:
        """Ask what is next, where that may have changed; whether there is more to do."""
        outstanding = len(self._queue) + len(self._running)
        ended = len(self._progress.trials)
        if outstanding and in_rounds(self._spec):
            timed = self._spec.budget.seconds is not None
            if not (timed and look_now(outstanding, ended)):
                return True
        self._clock()
        coming = plan(self._spec, self._progress.history(self._unfinished()))
        if coming.exhausted:
            self._progress.exhausted = coming.exhausted
        if coming.withdraw:
            self._withdrawn += [
                TrialRecord(*request.place, state="cancelled") for request in self._queue.values()
            ]
            self._queue.clear()
        for request in coming.trials:
            self._queue[request.place] = request
            self._progress.candidates.setdefault(request.candidate.key, request.candidate)
        return not coming.finished or bool(self._running)

    def _submit(self) -> None:
        while self._queue and len(self._running) < self._capacity:
            request = self._queue.pop(next(iter(self._queue)))
            left = self._spec.budget.seconds
            if left is not None:
                left = max(0.0, left - self._clock())
            call = self._executor.submit(run_trial, self._task_of(request, left))
            self._running[call] = request
            if call.done():  # it ran in this process, and the plan may have changed
                return

    def _settle(self, call: Pending, request: TrialRequest) -> None:
        try:
            outcome, seconds = call.result()
        except OutOfTimeError:
            self._withdrawn.append(TrialRecord(*request.place, state="cancelled"))
            return
        except BrokenExecutor:
            self._retry(request)
            return
        except QuarterturnError:
            raise
        except Exception as error:
            self._record(failed_trial(request, f"{type(error).__name__}: {error}"))
            return
        self._record(finished_trial(request, outcome, seconds))

    def _retry(self, request: TrialRequest) -> None:
        """Again, before all others; given up where its process dies each time."""
        self._attempts[request.place] += 1
        if self._attempts[request.place] < _MAX_ATTEMPTS:
            self._queue = {request.place: request, **self._queue}
            return
        message = "its process was killed each time, perhaps for want of memory"
        self._record(failed_trial(request, message, "crashed"))

    def _record(self, trial: FinishedTrial) -> None:
        trial = replace(trial, elapsed=self._clock())
        self._log.append(trial)
        self._progress.add(trial)
        self._watch(trial)
