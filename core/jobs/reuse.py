"""Results of equal trials: what was trained once is not trained again.

A trial is determined by its images, policy, hyper-parameters, seed and lengths, and by the versions
and the kind of device that it runs with. Where an earlier trial of the same owner had all of these,
its result is taken over, and the next rung goes on from its state. Baselines gain most: they are in
every search. What is being trained at the same time is the matter of `core.jobs.twins`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.jobs.claim import ClaimedTrial
from core.jobs.twins import TwinRunsError, is_first
from core.store.tables import Trial
from quarterturn.pretrain.outcome import Outcome
from quarterturn.trial.version import RESULTS_VERSION
from quarterturn.versions import versions


@cache
def _versions() -> dict[str, str]:
    """Looked up once: that takes longer than all the rest."""
    return versions()


def fingerprint(claimed: ClaimedTrial, device: str) -> str | None:
    """A digest of all that decides the result, and of the owner, 64 hex digits; None where more
    does: encoders that are kept or started from, and losses on folds.

    Args:
        device: kind of device, such as `cpu`.
    """
    spec = claimed.spec
    if spec.is_kept or spec.payload is not None or spec.pretraining.is_warm:
        return None
    decisive = {
        "owner": claimed.owner,
        "images": claimed.dataset_digest,
        "policy": claimed.policy.digest,
        "pretraining": spec.pretraining.model_dump(mode="json"),
        "scoring": spec.scoring.model_dump(mode="json"),
        "seed": spec.seed,
        "iterations": [spec.iterations, spec.schedule_iterations],
        "device": device,
        "versions": _versions(),
        "results": RESULTS_VERSION,
    }
    return hashlib.blake2b(
        json.dumps(decisive, sort_keys=True).encode(), digest_size=32
    ).hexdigest()


def equal_result(session: Session, wanted: str) -> Outcome | None:
    """The result of a completed trial with this fingerprint, as a worker would report it."""
    twin = session.scalars(
        select(Trial)
        .where(Trial.fingerprint == wanted, Trial.state == "completed")
        .order_by(Trial.finished_at)
        .limit(1)
    ).one_or_none()
    if twin is None:
        return None
    return Outcome(
        iterations_run=0,
        pretraining_seconds=0.0,
        scoring_seconds=0.0,
        metrics=twin.metrics or {},
        score=twin.score,
        held_out=twin.held_out,
        sampling_error=twin.sampling_error,
        collapsed=twin.collapsed,
        curve=twin.curve,
        init=(twin.provenance or {}).get("init"),
        reused_from={"job_id": twin.job_id, "trial_id": twin.id},
        fingerprint=wanted,
    )


def taken_over(session: Session, claimed: ClaimedTrial, known: str) -> Outcome | None:
    """The result of an equal trial; None if this one is to be trained, and others wait for it.

    Args:
        session: one of single statements.
        known: the fingerprint of the trial.

    Raises:
        TwinRunsError: an equal one is being trained.
    """
    if is_first(session, claimed.id, claimed.token, known):
        return None
    found = equal_result(session, known)
    out_of_time = claimed.seconds_left is not None and claimed.seconds_left <= 0
    if found is None and not out_of_time:
        raise TwinRunsError(known)
    return found


def kept_elsewhere(
    session: Session, claimed: Sequence[ClaimedTrial], device: str
) -> dict[tuple[str, int], list[str]]:
    """Other jobs whose trials were pretrained up to where these go on, and may have kept their
    states, by candidate and seed. A state is kept under the same candidate there, which is named by
    its policy.

    Args:
        claimed: trials of one job.
    """
    below = {}
    for one in claimed:
        if one.spec.resume_from:
            rung = {"iterations": one.spec.resume_from, "resume_from": 0}
            known = fingerprint(replace(one, spec=one.spec.model_copy(update=rung)), device)
            below[known] = (one.candidate, one.spec.seed)
    found: dict[tuple[str, int], list[str]] = {}
    if below:
        trained = select(Trial.fingerprint, Trial.job_id).where(
            Trial.fingerprint.in_([known for known in below if known]),
            Trial.state == "completed",
            Trial.iterations_run > 0,
            Trial.job_id != claimed[0].job_id,
        )
        for known, job_id in session.execute(trained.order_by(Trial.finished_at.desc())):
            found.setdefault(below[known], []).append(job_id)
    return found
