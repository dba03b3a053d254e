"""The card of a job, from its rows."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.jobs.figures.candidates import importance_in
from core.jobs.history import entrants_of, history_of
from core.jobs.selected import selected_policy
from core.jobs.specs import spec_of
from core.lifecycle import final
from core.store.tables import Dataset, Job, Trial
from quarterturn.card.build import CardSource
from quarterturn.card.build import build_card as build
from quarterturn.data.notes import pictures_words
from quarterturn.policy.pictures import Pictures
from quarterturn.search.fullest import Rung

_DATA = (
    "id",
    "name",
    "digest",
    "resolution",
    "files",
    "images",
    "splits",
    "mean",
    "std",
    "skipped_reasons",
)
_NOTE = (
    "$QUARTERTURN_URL is the address of a server, such as http://127.0.0.1:8000. The "
    "dataset must have the digest above; upload it again if it is not there, and write "
    "its new id. Where there are keys, add "
    '-H "Authorization: Bearer $QUARTERTURN_API_KEY".'
)


def _metrics_of(session: Session, job: Job, rung: Rung) -> Iterable[tuple[str, dict[str, Any]]]:
    rows = session.execute(
        select(Trial.candidate_key, Trial.metrics).where(
            Trial.job_id == job.id,
            Trial.state == "completed",
            Trial.collapsed.is_(False),
            Trial.task == rung.stage,
            Trial.iterations == rung.iterations,
        )
    )
    return ((key, metrics or {}) for key, metrics in rows)


def _command(job: Job) -> str:
    body = json.dumps({"dataset_id": job.dataset_id, "name": job.name, **job.spec})
    quoted = body.replace("'", "'\\''")
    return f"curl -H 'Content-Type: application/json' -d '{quoted}' $QUARTERTURN_URL/v1/jobs"


_KEPT = 32
_kept: OrderedDict[str, dict[str, Any]] = OrderedDict()
_guard = threading.Lock()


def card_of(session: Session, job: Job) -> dict[str, Any]:
    """The card of the selected policy; made once, as nothing of it changes. Not to be changed.

    Raises:
        ConflictError: `policy_not_ready`.
    """
    with _guard:
        if (found := _kept.get(job.id)) is not None:
            return found
    made = build_card(session, job)
    if job.state in final("jobs"):
        with _guard:
            _kept[job.id] = made
            while len(_kept) > _KEPT:
                _kept.popitem(last=False)
    return made


def build_card(session: Session, job: Job) -> dict[str, Any]:
    """The card of the selected policy.

    Raises:
        ConflictError: `policy_not_ready`.
    """
    dataset = session.get_one(Dataset, job.dataset_id)
    seconds = None
    if job.started_at and job.finished_at:
        seconds = round((job.finished_at - job.started_at).total_seconds(), 1)
    return build(
        CardSource(
            spec=spec_of(job),
            policy=selected_policy(job),
            job={
                "id": job.id,
                "name": job.name,
                "created_at": job.created_at.isoformat(),
                "finished_at": job.finished_at.isoformat() if job.finished_at else None,
            },
            data={
                **{name: getattr(dataset, name) for name in _DATA},
                "pictures": pictures_words(Pictures.model_validate(dataset.pictures)),
            },
            history=history_of(session, job),
            candidates=entrants_of(session, job.id),
            ranking=job.ranking or [],
            metrics_of=lambda rung: _metrics_of(session, job, rung),
            importance=importance_in(session, job),
            wall_seconds=seconds,
            reason=job.reason,
            reproduce={"command": _command(job), "note": _NOTE},
            exports={"url": lambda name: f"/v1/jobs/{job.id}/policy?format={name}"},
        )
    )
