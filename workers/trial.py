"""One trial on this worker, or several at once: claim, run, report. Imports torch; for worker
processes only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import torch
from sqlalchemy.exc import SQLAlchemyError

from core.dispatch import dispatch
from core.jobs.claim import ClaimedTrial
from core.jobs.pack import claim_mates
from core.jobs.reuse import fingerprint, kept_elsewhere, taken_over
from core.jobs.shares import claim_next
from core.jobs.twins import TwinRunsError
from core.logs import bound
from core.settings import get_settings
from core.storage import storage_of
from core.store.database import statement_scope
from quarterturn.pretrain.checkpoints import Elsewhere
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import choose_device, limit_threads
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.packs.size import pack_size
from quarterturn.pretrain.spec import FINAL
from quarterturn.trial.execution import can_be_packed, execute, execute_together
from quarterturn.trial.pack import PackedTrial
from workers.datasets import OpenDatasets
from workers.held import HeldTrial
from workers.identity import worker_name

logger = logging.getLogger(__name__)

_Ending = Outcome | Exception


@lru_cache(maxsize=1)
def device() -> torch.device:
    """The device of this worker; its threads are set at the first call."""
    settings = get_settings()
    limit_threads(settings.worker_threads, settings.workers)
    return choose_device(settings.device)


@lru_cache(maxsize=1)
def _datasets() -> OpenDatasets:
    return OpenDatasets(get_settings().cuda_graphs)


def _fingerprint(claimed: ClaimedTrial) -> str | None:
    return fingerprint(claimed, device().type) if get_settings().reuse_results else None


def _equal(claimed: ClaimedTrial) -> _Ending | None:
    """The result of an equal trial, or that it is being trained; None if there is none, or the
    database is away: then the trial is trained, and may find it back for its report.
    """
    known = _fingerprint(claimed)
    if known is None:
        return None
    try:
        with statement_scope() as session:
            found = taken_over(session, claimed, known)
    except TwinRunsError as twin:
        return twin
    except SQLAlchemyError as error:
        logger.warning("trial %s: no equal one is looked for: %s", claimed.id, error)
        return None
    if found is not None:
        logger.info("trial %s: result of an equal one", claimed.id)
    return found


def _mates(claimed: ClaimedTrial, data: TrialData) -> Iterator[ClaimedTrial]:
    """Further trials, to be trained together with the first."""
    settings = get_settings()
    if not can_be_packed(claimed.spec):
        return
    size = pack_size(settings.pack, claimed.spec.pretraining, data, claimed.policy)
    if size == 1:
        return
    try:
        with statement_scope() as session:
            yield from claim_mates(session, claimed, size - 1, worker_name(), settings)
    except SQLAlchemyError as error:
        logger.warning("trial %s gets no more trials: %s", claimed.id, error)


def _elsewhere(held: list[HeldTrial]) -> Elsewhere:
    """Other jobs that may have kept the states from which these trials go on."""
    if not get_settings().reuse_results or not held[0].claimed.spec.resume_from:
        return {}
    try:
        with statement_scope() as session:
            return kept_elsewhere(session, [h.claimed for h in held], device().type)
    except SQLAlchemyError as error:
        logger.warning("states of other jobs are not looked for: %s", error)
        return {}


def _trained(held: list[HeldTrial], data: TrialData) -> Iterator[tuple[HeldTrial, _Ending]]:
    storage = storage_of(get_settings())
    first = held[0].claimed
    if len(held) == 1:
        yield (
            held[0],
            execute(
                first.spec,
                first.policy,
                data,
                job=first.job_id,
                candidate=first.candidate,
                storage=storage,
                watch=held[0].watch,
                elsewhere=_elsewhere(held),
                keep_seconds=get_settings().state_seconds,
            ),
        )
        return
    logger.info("%d trials of job %s at once", len(held), first.job_id)
    pack = [
        PackedTrial(h.claimed.spec, h.claimed.policy, h.claimed.candidate, h.watch) for h in held
    ]
    outcomes = execute_together(
        pack,
        data,
        job=first.job_id,
        storage=storage,
        elsewhere=_elsewhere(held),
        keep_seconds=get_settings().state_seconds,
    )
    for place, outcome in outcomes:
        yield held[place], outcome


def _outcomes(held: list[HeldTrial]) -> Iterator[tuple[HeldTrial, _Ending]]:
    """Those of the first trial, and of others that are added to it."""
    first = held[0]
    found = _equal(first.claimed)
    if found is not None:
        yield first, found
        return
    whole = first.claimed.spec.task == FINAL
    storage = storage_of(get_settings())
    scored = not first.claimed.spec.is_kept and first.claimed.spec.payload is None
    reference = first.claimed.spec.scoring.reference if scored else None
    data = _datasets().get(
        first.claimed.dataset_digest, storage, device(), whole=whole, reference=reference
    )
    for mate in _mates(first.claimed, data):
        held.append(HeldTrial(mate, get_settings()))
    to_train = [first]
    for other in held[1:]:
        found = _equal(other.claimed)
        if found is not None:
            yield other, found
        else:
            to_train.append(other)
    for one, outcome in _trained(to_train, data):
        if isinstance(outcome, Outcome):
            outcome = replace(outcome, fingerprint=_fingerprint(one.claimed))
        yield one, outcome


def _run_claimed(claimed: ClaimedTrial) -> None:
    held = [HeldTrial(claimed, get_settings())]
    outcomes = _outcomes(held)
    try:
        while any(one.is_open for one in held):
            try:
                ended = [next(outcomes)]
            except Exception as error:
                # What stops all of a pack, such as images that are not there.
                ended = [(one, error) for one in held if one.is_open]
            for one, outcome in ended:
                dispatch(one.settle(outcome))
    except (SystemExit, KeyboardInterrupt):
        for one in held:
            if one.is_open:
                dispatch(one.hand_back())
        raise
    finally:
        for one in held:
            one.end()


def run(trial_id: str) -> None:
    """Claim and run the trial of the message, or another whose turn it is, if any is to be had."""
    with statement_scope() as session:
        claimed = claim_next(session, trial_id, worker_name(), get_settings())
    if claimed is None:
        with bound(trial_id=trial_id):
            logger.info("trial %s is not to be had; message dropped", trial_id)
        return
    with bound(request_id=claimed.request_id, job_id=claimed.job_id, trial_id=claimed.id):
        _run_claimed(claimed)
