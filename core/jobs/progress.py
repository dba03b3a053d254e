"""The dashboard of a job as plain data: counts, rungs, ranking, best so far, time left."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.jobs.history import candidates_of, history_of
from core.jobs.workers import workers_seen
from core.lifecycle import active
from core.search.history import History
from core.search.planning import remaining, seconds_per_iteration
from core.search.ranking import rank
from core.search.spec import SearchSpec
from core.store.tables import Dataset, Job, Trial

_FAILURES_SHOWN = 20


def _rungs(history: History, coming: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Per length of pretraining: trials done, running, queued, failed and in all."""
    rungs: dict[int, Counter[str]] = {}
    for trial in history.trials:
        rungs.setdefault(trial.iterations, Counter())[trial.state] += 1
    for iterations, _ in coming:
        rungs.setdefault(iterations, Counter())["coming"] += 1
    return [
        {
            "iterations": iterations,
            "completed": states["completed"],
            "running": states["running"],
            "queued": states["queued"],
            "failed": states["failed"] + states["crashed"] + states["cancelled"],
            "total": sum(states.values()),
        }
        for iterations, states in sorted(rungs.items())
    ]


def _best_so_far(session: Session, job: Job) -> list[dict[str, Any]]:
    """Best score after each completed trial that raised it, with seconds since the start."""
    rows = session.execute(
        select(Trial.finished_at, Trial.score, Trial.candidate_key, Trial.iterations)
        .where(Trial.job_id == job.id, Trial.state == "completed", Trial.collapsed.is_(False))
        .order_by(Trial.finished_at)
    )
    best = -1.0
    points: list[dict[str, Any]] = []
    for finished_at, score, key, iterations in rows:
        if score is not None and score > best and job.started_at and finished_at:
            best = score
            points.append(
                {
                    "seconds": round((finished_at - job.started_at).total_seconds(), 1),
                    "score": score,
                    "candidate": key,
                    "iterations": iterations,
                }
            )
    return points


def _selection_warnings(job: Job) -> list[dict[str, Any]]:
    """Those that came with the selection; the job's own are not repeated."""
    selection = (job.policy or {}).get("selection") or {}
    return [w for w in selection.get("warnings", []) if w not in job.warnings]


def _seconds_left(
    session: Session,
    job: Job,
    spec: SearchSpec,
    history: History,
    costs: list[int],
    workers: int,
) -> float | None:
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


def dashboard(session: Session, job: Job) -> dict[str, Any]:
    """Everything the dashboard shows, current to this moment."""
    spec = SearchSpec.model_validate(job.spec)
    history = history_of(session, job)
    live = job.state in active("jobs")
    coming = remaining(spec, history) if live and job.state != "cancelling" else []
    known = {trial.place for trial in history.trials}
    unplanned = [(r.iterations, r.cost) for r in coming if r.place not in known]
    if job.ranking is not None:
        ranking = job.ranking
    else:
        candidates = candidates_of(session, job.id)
        ranking = [entry.to_dict() for entry in rank(candidates, list(history.trials))]
    costs = [request.cost for request in coming]
    workers = len(workers_seen(session))
    counts = Counter(trial.state for trial in history.trials)
    dataset = session.get_one(Dataset, job.dataset_id)
    end: datetime = job.finished_at or session.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]
    failures = session.execute(
        select(Trial.id, Trial.candidate_key, Trial.state, Trial.reason, Trial.message)
        .where(Trial.job_id == job.id, Trial.state.in_(("failed", "crashed")))
        .order_by(Trial.number)
        .limit(_FAILURES_SHOWN)
    ).all()
    return {
        "job_id": job.id,
        "name": job.name,
        "state": job.state,
        "reason": job.reason,
        "message": job.message,
        "dataset": {"id": dataset.id, "name": dataset.name, "images": dataset.images},
        "strategy": spec.strategy.kind,
        "search_space": spec.search_space.name,
        "counts": {
            state: counts[state]
            for state in ("queued", "running", "completed", "failed", "crashed", "cancelled")
        },
        "trials_total": len(history.trials) + len(unplanned),
        "rungs": _rungs(history, unplanned),
        "best": ranking[0] if ranking else None,
        "best_so_far": _best_so_far(session, job),
        "ranking": ranking,
        "warnings": [*job.warnings, *_selection_warnings(job)],
        "failures": [dict(row._mapping) for row in failures],
        "seconds_elapsed": round((end - job.started_at).total_seconds(), 1)
        if job.started_at
        else 0.0,
        "seconds_left": _seconds_left(session, job, spec, history, costs, workers)
        if live
        else None,
        "workers": workers,
        "policy_ready": job.policy is not None,
    }
