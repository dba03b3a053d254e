"""What a search will cost, before it is started."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.jobs.workers import workers_for
from core.store.tables import Job, Trial
from quarterturn.search.course import remaining
from quarterturn.search.history import History
from quarterturn.search.spec import SearchSpec

#: Seconds per iteration of 128 images of 32 pixels on two CPU cores, measured once. A first guess
#: only: as soon as this server has run a trial of the same encoder and batch, that is used.
_GUESS = {
    "resnet_tiny": 0.06,
    "resnet_small": 0.12,
    "conv4": 0.08,
    "resnet18": 6.0,
    "resnet50": 16.0,
    "mobilenet_v2": 0.3,
}


def _measured(session: Session, spec: SearchSpec) -> float | None:
    rows = session.execute(
        select(Trial.seconds / Trial.iterations_run)
        .join(Job, Job.id == Trial.job_id)
        .where(
            Trial.state == "completed",
            Trial.iterations_run > 0,
            Trial.score.is_not(None),
            Job.spec["pretraining"]["encoder"].astext == spec.pretraining.encoder,
            Job.spec["pretraining"]["batch_size"].astext == str(spec.pretraining.batch_size),
        )
        .order_by(Trial.finished_at.desc())
        .limit(50)
    ).scalars()
    rates = sorted(rate for rate in rows if rate is not None)
    return rates[len(rates) // 2] if rates else None


def estimate(session: Session, spec: SearchSpec) -> dict[str, Any]:
    """Trials, iterations and seconds of a search, and what the seconds are based on."""
    coming = remaining(spec, History())
    iterations = sum(request.cost for request in coming)
    rate = _measured(session, spec)
    basis = "measured on this server" if rate is not None else "a guess from a 2-core machine"
    if rate is None:
        rate = _GUESS[spec.pretraining.encoder] * spec.pretraining.batch_size / 128
    seconds = rate * iterations / max(1, workers_for(session, spec.worker.model_dump()))
    if spec.budget.seconds is not None:
        seconds = min(seconds, spec.budget.seconds)
    return {
        "candidates": len({request.candidate.key for request in coming}),
        "trials": len(coming),
        "iterations": iterations,
        "seconds": round(seconds, 1),
        "basis": basis,
    }
