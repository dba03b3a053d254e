"""The dashboard of a job as plain data: counts, rungs, ranking, best so far, time left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from core.jobs.elapsed import elapsed_seconds
from core.jobs.history import entrants_of, history_of, records_of
from core.jobs.outlook import seconds_left, still_to_come
from core.jobs.specs import spec_of
from core.jobs.workers import waiting_for, workers_for
from core.lifecycle import active
from core.store.tables import CandidateRow, Dataset, Job, Trial
from quarterturn.search.history import BASE, History, Place, TrialRequest
from quarterturn.search.planning import seconds_per_iteration
from quarterturn.search.ranking import rank
from quarterturn.search.selection import assess_ranking
from quarterturn.search.spec import SearchSpec
from quarterturn.search.standing import standing
from quarterturn.search.strategy import PipelineStrategy

_FAILURES_SHOWN = 20
_ORDER = ("source", "warm_up", "base", "fold", "density", "search", "confirmation", "final")


def _stage(task: str) -> str:
    return task.split("/", 1)[0]


Tallies = Sequence[tuple[str, int, str, int]]


def _tallies(session: Session, job: Job) -> Tallies:
    """How many trials there are of each stage, length and state."""
    stage = func.split_part(Trial.task, "/", 1)
    rows = session.execute(
        select(stage, Trial.iterations, Trial.state, func.count(Trial.id))
        .where(Trial.job_id == job.id)
        .group_by(stage, Trial.iterations, Trial.state)
    )
    return [(*row,) for row in rows]


def _rungs(
    tallies: Tallies, coming: Sequence[TrialRequest], known: set[Place], pace: float | None
) -> list[dict[str, Any]]:
    """Per stage and length of pretraining: trials done, running, queued, failed and in all, and
    about how long the rest of them takes.

    Trials that score policies on folds are one line, whatever their size.

    Args:
        coming: the trials that have not ended, those not planned yet included.
        known: those planned.
        pace: seconds per iteration with all workers; None before a trial has completed.
    """
    rungs: dict[tuple[str, int], Counter[str]] = {}
    costs: Counter[tuple[str, int]] = Counter()

    def line(stage: str, iterations: int) -> tuple[str, int]:
        return stage, 0 if stage == "density" else iterations

    for stage, iterations, state, count in tallies:
        rungs.setdefault(line(stage, iterations), Counter())[state] += count
    for request in coming:
        rung = line(_stage(request.task), request.iterations)
        costs[rung] += request.cost
        if request.place not in known:
            rungs.setdefault(rung, Counter())["coming"] += 1
    return [
        {
            "stage": stage,
            "iterations": iterations,
            "completed": states["completed"],
            "running": states["running"],
            "queued": states["queued"],
            "failed": states["failed"] + states["crashed"] + states["cancelled"],
            "total": sum(states.values()),
            "seconds_left": None if pace is None else round(pace * costs[stage, iterations], 1),
        }
        for (stage, iterations), states in sorted(
            rungs.items(), key=lambda item: (_ORDER.index(item[0][0]), item[0][1])
        )
    ]


def _best_so_far(session: Session, job: Job) -> list[dict[str, Any]]:
    """Best score after each completed trial that raised it, with seconds since the start."""
    if job.started_at is None:
        return []
    before = func.max(Trial.score).over(order_by=Trial.finished_at, rows=(None, -1))
    scored = (
        select(
            Trial.finished_at,
            Trial.score,
            Trial.candidate_key,
            Trial.iterations,
            before.label("before"),
        )
        .where(
            Trial.job_id == job.id,
            Trial.state == "completed",
            Trial.collapsed.is_(False),
            Trial.task != BASE,
            Trial.score.is_not(None),
            Trial.finished_at.is_not(None),
        )
        .subquery()
    )
    raised = or_(scored.c.before.is_(None), scored.c.score > scored.c.before)
    rows = session.execute(select(scored).where(raised).order_by(scored.c.finished_at))
    return [
        {
            "seconds": round((row.finished_at - job.started_at).total_seconds(), 1),
            "score": row.score,
            "candidate": row.candidate_key,
            "iterations": row.iterations,
        }
        for row in rows
    ]


def _selection_warnings(job: Job) -> list[dict[str, Any]]:
    """Those that came with the selection; the job's own are not repeated."""
    selection = (job.policy or {}).get("selection") or {}
    return [w for w in selection.get("warnings", []) if w not in job.warnings]


Ranking = list[dict[str, Any]]


def _best(job: Job, ranking: Ranking) -> dict[str, Any] | None:
    """The first so far; once a policy is handed out, its line, which without evidence is another
    one, or none.
    """
    if job.policy is None:
        return ranking[0] if ranking else None
    place = (job.policy.get("selection") or {}).get("rank")
    return next((entry for entry in ranking if entry["rank"] == place), None)


def _base_ranking(session: Session, job: Job, spec: SearchSpec) -> Ranking:
    """The ranking of the base stage, where the job has one."""
    if not isinstance(spec.strategy, PipelineStrategy) or spec.strategy.base is None:
        return []
    completed = [t for t in records_of(session, job.id, BASE) if t.state == "completed"]
    if not completed:
        return []
    return [entry.to_dict() for entry in rank(entrants_of(session, job.id), completed)]


def _so_far(
    session: Session, job: Job, spec: SearchSpec, history: History
) -> tuple[Ranking, dict[str, Any] | None]:
    """The ranking of a job that has none yet, and what it is worth."""
    if not any(trial.state == "completed" for trial in history.trials):
        return [], None
    ranking = standing(spec, entrants_of(session, job.id), history)
    if not ranking:
        return [], None
    found = assess_ranking(spec, ranking)
    return [entry.to_dict() for entry in ranking], found.to_dict()


def _failures(session: Session, job: Job) -> list[dict[str, Any]]:
    """The first trials that failed or crashed, with what their workers logged last."""
    rows = session.execute(
        select(
            Trial.id,
            Trial.number,
            Trial.candidate_key,
            CandidateRow.name,
            Trial.state,
            Trial.attempt,
            Trial.worker,
            Trial.reason,
            Trial.message,
            Trial.log_tail,
        )
        .join(
            CandidateRow,
            (CandidateRow.job_id == Trial.job_id) & (CandidateRow.key == Trial.candidate_key),
        )
        .where(Trial.job_id == job.id, Trial.state.in_(("failed", "crashed")))
        .order_by(Trial.number)
        .limit(_FAILURES_SHOWN)
    )
    return [dict(row._mapping) for row in rows]


def dashboard(session: Session, job: Job) -> dict[str, Any]:
    """Everything the dashboard shows, current to this moment."""
    spec = spec_of(job)
    live = job.state in active("jobs")
    tallies = _tallies(session, job)
    coming: Sequence[TrialRequest] = []
    left: float | None = None
    # What has ended is not planned again, and what was ranked is not ranked again.
    history = history_of(session, job) if live or job.ranking is None else History()
    known = {trial.place for trial in history.trials}
    workers = workers_for(session, job.spec.get("worker"))
    if live:
        coming = still_to_come(job, spec, history)
        left = seconds_left(session, job, spec, history, [r.cost for r in coming], workers)
    unplanned = sum(request.place not in known for request in coming)
    if job.ranking is not None:
        ranking: Ranking = job.ranking
        evidence = ((job.policy or {}).get("selection") or {}).get("evidence")
    else:
        ranking, evidence = _so_far(session, job, spec, history)
    counts: Counter[str] = Counter()
    for _, _, state, count in tallies:
        counts[state] += count
    dataset = session.get_one(Dataset, job.dataset_id)
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    rate = seconds_per_iteration(history)
    pace = None if rate is None else rate / max(1, workers)
    return {
        "job_id": job.id,
        "name": job.name,
        "state": job.state,
        "reason": job.reason,
        "message": job.message,
        "dataset": {"id": dataset.id, "name": dataset.name, "images": dataset.images},
        "strategy": spec.strategy.kind,
        "search_space": spec.search_space.name,
        "criterion": spec.scoring.criterion,
        "evidence": evidence,
        "counts": {
            state: counts[state]
            for state in ("queued", "running", "completed", "failed", "crashed", "cancelled")
        },
        "trials_total": sum(counts.values()) + unplanned,
        "rungs": _rungs(tallies, coming, known, pace),
        "best": _best(job, ranking),
        "best_so_far": _best_so_far(session, job),
        "ranking": ranking,
        "ranking_left_out": 0,  # of whoever shortens it
        "base_ranking": _base_ranking(session, job, spec),
        "warnings": [*job.warnings, *_selection_warnings(job)],
        "failures": _failures(session, job),
        "seconds_elapsed": round(elapsed_seconds(job, now), 1),
        "seconds_left": left,
        "workers": workers,
        "waiting_for": waiting_for(session, job),
        "policy_ready": job.policy is not None,
        "encoder_ready": job.encoder is not None,
    }
