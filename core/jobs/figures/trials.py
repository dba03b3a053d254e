"""Figures over the trials of a job."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.charts.best import Scored, best_so_far
from core.charts.curves import Curve, learning_curves
from core.charts.figure import Figure
from core.charts.survival import Reached, survival
from core.charts.timeline import Span, timeline
from core.jobs.figures.units import since, unit_of
from core.jobs.losses import losses_of
from core.jobs.specs import spec_of
from core.lifecycle import final
from core.store.tables import CandidateRow, Job, Trial
from quarterturn.search.history import BASE, CONFIRMATION, SEARCH

CURVES_SHOWN = 8
SPANS_SHOWN = 400
_STAGES = (BASE, SEARCH, CONFIRMATION)
_OF_CANDIDATE = (CandidateRow.job_id == Trial.job_id) & (CandidateRow.key == Trial.candidate_key)


def _elapsed(session: Session, job: Job) -> float:
    now = job.finished_at or session.execute(select(func.clock_timestamp())).scalar_one()
    return since(job, now)


def best_of(session: Session, job: Job) -> Figure:
    """Scores in the order of time; those of the base stage are of another kind."""
    rows = session.execute(
        select(
            Trial.finished_at, Trial.score, Trial.iterations, CandidateRow.name, CandidateRow.origin
        )
        .join(CandidateRow, _OF_CANDIDATE)
        .where(
            Trial.job_id == job.id,
            Trial.state == "completed",
            Trial.score.is_not(None),
            Trial.collapsed.is_(False),
            Trial.task != BASE,
        )
        .order_by(Trial.finished_at)
    )
    points = [
        Scored(since(job, row.finished_at), row.score, row.name, row.origin, row.iterations)
        for row in rows
    ]
    unit = unit_of(spec_of(job).scoring.criterion)
    return best_so_far(points, unit=unit.name, scale=unit.scale, elapsed=_elapsed(session, job))


def survival_of(session: Session, job: Job) -> Figure:
    """Candidates by the lengths that they reached."""
    rows = session.execute(
        select(
            Trial.task,
            Trial.iterations,
            Trial.candidate_key,
            CandidateRow.origin,
            func.bool_or(Trial.state == "completed").label("scored"),
            func.bool_or(Trial.state.in_(("queued", "running"))).label("waiting"),
            func.max(Trial.score).filter(Trial.collapsed.is_(False)).label("best"),
        )
        .join(CandidateRow, _OF_CANDIDATE)
        .where(Trial.job_id == job.id, Trial.task.in_(_STAGES))
        .group_by(Trial.task, Trial.iterations, Trial.candidate_key, CandidateRow.origin)
    )
    rungs: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in rows:
        rungs[_STAGES.index(row.task), row.iterations].append(row)
    unit = unit_of(spec_of(job).scoring.criterion)
    return survival(
        [
            Reached(
                _STAGES[stage],
                iterations,
                sum(r.scored and r.origin != "baseline" for r in found),
                sum(r.scored and r.origin == "baseline" for r in found),
                sum(not r.scored and r.waiting for r in found),
                max((r.best for r in found if r.best is not None), default=None),
            )
            for (stage, iterations), found in sorted(rungs.items())
        ],
        unit=unit.name,
        scale=unit.scale,
    )


def _leading(session: Session, job: Job) -> list[str]:
    """Keys of the candidates whose curves are worth a look: the first of the ranking, or those
    that scored best at the greatest length so far.
    """
    if job.ranking is not None:
        return [entry["candidate"] for entry in job.ranking[:CURVES_SHOWN]]
    best = func.max(Trial.score)
    rows = session.execute(
        select(Trial.candidate_key)
        .where(Trial.job_id == job.id, Trial.state == "completed", Trial.task.in_(_STAGES))
        .group_by(Trial.candidate_key)
        .order_by(func.max(Trial.iterations).desc(), best.desc(), Trial.candidate_key)
        .limit(CURVES_SHOWN)
    )
    return [key for (key,) in rows]


def curves_of(session: Session, job: Job) -> Figure:
    """Of each leading candidate the longest curve; one that was continued holds all of it."""
    keys = _leading(session, job)
    rows = session.execute(
        select(
            Trial.candidate_key,
            Trial.curve,
            CandidateRow.name,
        )
        .join(CandidateRow, _OF_CANDIDATE)
        .where(
            Trial.job_id == job.id,
            Trial.state == "completed",
            Trial.candidate_key.in_(keys),
            Trial.curve.is_not(None),
            Trial.task.in_(_STAGES),
        )
        .order_by(Trial.iterations, Trial.task.desc(), Trial.seed.desc())
    ).all()
    found = {
        row.candidate_key: Curve(
            row.name, tuple((float(step), float(loss)) for step, loss in row.curve or [])
        )
        for row in rows
    }
    curves = [found[key] for key in keys if key in found]
    return learning_curves(curves, method=spec_of(job).pretraining.method)


def timeline_of(session: Session, job: Job) -> Figure:
    """The latest attempts at trials, lost ones included."""
    taken = (Trial.job_id == job.id, Trial.started_at.is_not(None))
    count = session.scalar(select(func.count(Trial.id)).where(*taken)) or 0
    rows = session.execute(
        select(
            Trial.id,
            Trial.number,
            Trial.worker,
            Trial.attempt,
            Trial.state,
            Trial.started_at,
            Trial.finished_at,
            Trial.heartbeat_at,
            Trial.lost,
            CandidateRow.name,
        )
        .join(CandidateRow, _OF_CANDIDATE)
        .where(*taken)
        .order_by(Trial.started_at.desc())
        .limit(SPANS_SHOWN)
    ).all()
    now = _elapsed(session, job)
    spans: list[Span] = []
    for row in rows:
        name = f"trial {row.number}, {row.name}"
        for loss in losses_of(row.lost):
            begin, end = since(job, loss.began), since(job, loss.heard)
            spans.append(
                Span(loss.worker, row.id, name, loss.attempt, begin, max(begin, end), "lost")
            )
        if row.worker is None or row.state in ("queued", "crashed"):
            continue  # handed back, or lost: its attempts are those above
        begin = since(job, row.started_at)
        ended = row.finished_at or (row.heartbeat_at if row.state in final("trials") else None)
        end = since(job, ended) if ended else now
        spans.append(Span(row.worker, row.id, name, row.attempt, begin, max(begin, end), row.state))
    spans.sort(key=lambda span: (span.begin, span.worker))
    return timeline(spans, left_out=max(0, count - len(rows)))
