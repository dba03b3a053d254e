"""The dashboard of a job as plain data: counts, rungs, ranking, best so far, time left."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.jobs.elapsed import elapsed_seconds
from core.jobs.history import candidates_of, history_of
from core.jobs.outlook import seconds_left, still_to_come
from core.jobs.workers import workers_seen
from core.lifecycle import active
from core.search.evidence import assess
from core.search.history import BASE, History, TrialRequest
from core.search.planning import seconds_per_iteration
from core.search.ranking import rank
from core.search.spec import SearchSpec
from core.search.standing import standing
from core.store.tables import CandidateRow, Dataset, Job, Trial

_FAILURES_SHOWN = 20
_ORDER = ("source", "warm_up", "base", "fold", "density", "search", "confirmation", "final")


def _stage(task: str) -> str:
    return task.split("/", 1)[0]


def _rungs(
    history: History, coming: Sequence[TrialRequest], pace: float | None
) -> list[dict[str, Any]]:
    """Per stage and length of pretraining: trials done, running, queued, failed and in all, and
    about how long the rest of them takes.

    Trials that score policies on folds are one line, whatever their size.

    Args:
        coming: the trials that have not ended, those not planned yet included.
        pace: seconds per iteration with all workers; None before a trial has completed.
    """
    rungs: dict[tuple[str, int], Counter[str]] = {}
    known = {trial.place for trial in history.trials}
    costs: Counter[tuple[str, int]] = Counter()

    def line(task: str, iterations: int) -> tuple[str, int]:
        return _stage(task), 0 if _stage(task) == "density" else iterations

    for trial in history.trials:
        rungs.setdefault(line(trial.task, trial.iterations), Counter())[trial.state] += 1
    for request in coming:
        rung = line(request.task, request.iterations)
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
    rows = session.execute(
        select(Trial.finished_at, Trial.score, Trial.candidate_key, Trial.iterations)
        .where(
            Trial.job_id == job.id,
            Trial.state == "completed",
            Trial.collapsed.is_(False),
            Trial.task != BASE,
        )
        .order_by(Trial.finished_at)
    )
    best = -math.inf
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


Ranking = list[dict[str, Any]]


def _best(job: Job, ranking: Ranking) -> dict[str, Any] | None:
    """The first so far; once a policy is handed out, its line, which without evidence is another
    one, or none.
    """
    if job.policy is None:
        return ranking[0] if ranking else None
    place = (job.policy.get("selection") or {}).get("rank")
    return next((entry for entry in ranking if entry["rank"] == place), None)


def _rankings(
    session: Session, job: Job, spec: SearchSpec, history: History
) -> tuple[Ranking, dict[str, Any] | None, Ranking]:
    """The ranking, what it is worth, and the ranking of the base stage where there was one."""
    base = history.completed(BASE)
    # The policies are read only where something is to be ranked.
    candidates = candidates_of(session, job.id) if base or job.ranking is None else []
    based = [entry.to_dict() for entry in rank(candidates, base)]
    if job.ranking is not None:
        selection = (job.policy or {}).get("selection") or {}
        return job.ranking, selection.get("evidence"), based
    ranking = standing(spec, candidates, history)
    evidence = None
    if ranking:
        found = assess(ranking, spec.scoring.criterion, warm_start=spec.pretraining.is_warm)
        evidence = found.to_dict()
    return [entry.to_dict() for entry in ranking], evidence, based


def _failures(session: Session, job: Job) -> list[dict[str, Any]]:
    """The first trials that failed or crashed, with what their workers logged last."""
    rows = session.execute(
        select(
            Trial.id, Trial.number, Trial.candidate_key, CandidateRow.name, Trial.state,
            Trial.attempt, Trial.worker, Trial.reason, Trial.message, Trial.log_tail,
        )
        .join(
            CandidateRow,
            (CandidateRow.job_id == Trial.job_id) & (CandidateRow.key == Trial.candidate_key),
        )
        .where(Trial.job_id == job.id, Trial.state.in_(("failed", "crashed")))
        .order_by(Trial.number)
        .limit(_FAILURES_SHOWN)
    )  # fmt: skip
    return [dict(row._mapping) for row in rows]


def dashboard(session: Session, job: Job) -> dict[str, Any]:
    """Everything the dashboard shows, current to this moment."""
    spec = SearchSpec.model_validate(job.spec)
    history = history_of(session, job)
    live = job.state in active("jobs")
    coming = still_to_come(job, spec, history)
    known = {trial.place for trial in history.trials}
    unplanned = sum(request.place not in known for request in coming)
    ranking, evidence, base_ranking = _rankings(session, job, spec, history)
    costs = [request.cost for request in coming]
    workers = len(workers_seen(session))
    counts = Counter(trial.state for trial in history.trials)
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
        "trials_total": len(history.trials) + unplanned,
        "rungs": _rungs(history, coming, pace),
        "best": _best(job, ranking),
        "best_so_far": _best_so_far(session, job),
        "ranking": ranking,
        "base_ranking": base_ranking,
        "warnings": [*job.warnings, *_selection_warnings(job)],
        "failures": _failures(session, job),
        "seconds_elapsed": round(elapsed_seconds(job, now), 1),
        "seconds_left": seconds_left(session, job, spec, history, costs, workers) if live else None,
        "workers": workers,
        "policy_ready": job.policy is not None,
        "encoder_ready": job.encoder is not None,
    }
