"""What of a job is still to come, and how long that will take."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.lifecycle import ENDING_JOBS, active
from core.store.tables import Job, Trial
from quarterturn.search.course import remaining
from quarterturn.search.history import FINAL_STATES, History, Place, TrialRequest
from quarterturn.search.incumbent import baselines
from quarterturn.search.planning import seconds_per_iteration
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategies.flat import FlatStrategy


@dataclass(frozen=True)
class _Question:
    """What is still to come, of a job whose trials stand as they do. Playing a search to its end
    takes longer than all the rest of a dashboard, and many may look at one.
    """

    job_id: str
    trials: frozenset[tuple[Place, str]]
    spec: SearchSpec = field(compare=False)
    history: History = field(compare=False)


def _all_planned(spec: SearchSpec) -> bool:
    """Whether all trials were queued when the job was accepted."""
    return isinstance(spec.strategy, FlatStrategy) and spec.final_pretraining is None


def _not_ended(spec: SearchSpec, history: History) -> tuple[TrialRequest, ...]:
    """The trials that are there and have not ended; a stand-in for their policies, which nobody
    asks for: drawing thousands takes seconds.
    """
    candidate = baselines(spec)[0]
    return tuple(
        TrialRequest(
            replace(candidate, key=t.candidate), t.seed, t.iterations, t.resume_from, t.task
        )
        for t in history.trials
        if t.state not in FINAL_STATES
    )


@lru_cache(maxsize=16)
def _coming(question: _Question) -> tuple[TrialRequest, ...]:
    return tuple(remaining(question.spec, question.history))


def still_to_come(job: Job, spec: SearchSpec, history: History) -> tuple[TrialRequest, ...]:
    """The trials that have not ended, those not planned yet included, if all goes well."""
    if job.state not in active("jobs") or job.state in ENDING_JOBS:
        return ()
    if _all_planned(spec) and history.trials:
        return _not_ended(spec, history)
    stand = frozenset((trial.place, trial.state) for trial in history.trials)
    return _coming(_Question(job.id, stand, spec, history))


def seconds_left(
    session: Session,
    job: Job,
    spec: SearchSpec,
    history: History,
    costs: list[int],
    workers: int,
) -> float | None:
    """Seconds until the job ends, from the pace so far; None before a trial has completed.

    Args:
        costs: iterations of all trials that have not ended.
    """
    rate = seconds_per_iteration(history)
    if rate is None:
        return None
    under_way = session.execute(
        select(Trial.iterations - Trial.resume_from, Trial.progress - Trial.resume_from).where(
            Trial.job_id == job.id, Trial.state == "running"
        )
    ).all()
    iterations = sum(costs) - sum(min(max(done, 0), cost) for cost, done in under_way)
    seconds = rate * iterations / max(1, workers)
    if spec.budget.seconds is not None:
        seconds = min(seconds, max(0.0, spec.budget.seconds - history.elapsed_seconds))
    return round(seconds, 1)
