"""Results of equal trials: what was trained once is not trained again.

A trial is determined by its images, policy, hyper-parameters, seed and lengths, and by the versions
and the kind of device that it runs with. Where an earlier trial of the same owner had all of these,
its result is taken over. Baselines gain most: they are in every search.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.jobs.claim import ClaimedTrial
from core.search.selection import versions
from core.store.tables import Job, Trial

_CORE = Path(__file__).parents[1]
_DECISIVE = ("augmentation", "policies", "pretraining", "scoring")


@cache
def _code() -> str:
    """A digest of the code that trains and scores: it may change between versions."""
    files = sorted(file for folder in _DECISIVE for file in (_CORE / folder).rglob("*.py"))
    return hashlib.blake2b(b"".join(file.read_bytes() for file in files)).hexdigest()


def fingerprint(claimed: ClaimedTrial, device: str) -> str | None:
    """A digest of all that decides the result, 64 hex digits; None where more does: encoders that
    are kept or started from, and losses on folds.

    Args:
        device: kind of device, such as `cpu`.
    """
    spec = claimed.spec
    if spec.is_kept or spec.payload is not None or spec.pretraining.is_warm:
        return None
    decisive = {
        "images": claimed.dataset_digest,
        "policy": claimed.policy.digest,
        "pretraining": spec.pretraining.model_dump(mode="json"),
        "scoring": spec.scoring.model_dump(mode="json"),
        "seed": spec.seed,
        "iterations": [spec.iterations, spec.schedule_iterations],
        "device": device,
        "versions": versions(),
        "code": _code(),
    }
    return hashlib.blake2b(
        json.dumps(decisive, sort_keys=True).encode(), digest_size=32
    ).hexdigest()


def equal_result(session: Session, claimed: ClaimedTrial, wanted: str) -> dict[str, Any] | None:
    """The result of a completed trial with this fingerprint, as a worker would report it."""
    owner = select(Job.owner).where(Job.id == claimed.job_id).scalar_subquery()
    twin = session.scalars(
        select(Trial)
        .join(Job, Job.id == Trial.job_id)
        .where(Trial.fingerprint == wanted, Trial.state == "completed", Job.owner == owner)
        .order_by(Trial.finished_at)
        .limit(1)
    ).one_or_none()
    if twin is None:
        return None
    return {
        "score": twin.score, "sampling_error": twin.sampling_error, "held_out": twin.held_out,
        "collapsed": twin.collapsed, "metrics": twin.metrics, "curve": twin.curve,
        "iterations_run": 0, "pretraining_seconds": 0.0, "scoring_seconds": 0.0,
        "fingerprint": wanted,
        "provenance": {
            **(twin.provenance or {}), "reused_from": {"job_id": twin.job_id, "trial_id": twin.id},
        },
    }  # fmt: skip
