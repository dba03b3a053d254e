"""The card of a job as plain data, from its rows."""

from __future__ import annotations

import json
import threading
from collections import Counter, OrderedDict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.jobs.figures.makeup import searched_shares
from core.jobs.history import entrants_of, history_of
from core.jobs.selected import selected_policy
from core.jobs.specs import spec_of
from core.lifecycle import final
from core.store.tables import Dataset, Job, Trial
from quarterturn.card.measure import measure
from quarterturn.card.risks import risks
from quarterturn.export.overview import overview
from quarterturn.policy.shares import shares_of
from quarterturn.policy.words import describe
from quarterturn.score.catalogue import CRITERIA
from quarterturn.search.agreement import agreement, means_by_candidate
from quarterturn.search.fullest import Rung, fullest_rung
from quarterturn.search.history import Entrant, History
from quarterturn.search.importance import importance

CARD_VERSION = 1
RANKED_SHOWN = 30
_ASKED = ("search_space", "strategy", "budget", "iterations", "seeds", "seed")


def _searched(job: Job, history: History, candidates: list[Entrant]) -> dict[str, Any]:
    seconds = None
    if job.started_at and job.finished_at:
        seconds = round((job.finished_at - job.started_at).total_seconds(), 1)
    return {
        "candidates": dict(Counter(candidate.origin for candidate in candidates)),
        "trials": dict(Counter(trial.state for trial in history.trials)),
        "stages": dict(Counter(trial.task.split("/", 1)[0] for trial in history.trials)),
        "iterations": sum(trial.iterations_run for trial in history.trials),
        "compute_seconds": round(sum(trial.seconds for trial in history.trials), 1),
        "wall_seconds": seconds,
        "pretraining_seeds": sorted({t.seed for t in history.trials if t.state == "completed"}),
    }


def _agreement(session: Session, job: Job, rung: Rung | None) -> dict[str, Any]:
    if rung is None:
        return {"stage": None, "iterations": None, "pairs": []}
    rows = session.execute(
        select(Trial.candidate_key, Trial.metrics).where(
            Trial.job_id == job.id,
            Trial.state == "completed",
            Trial.collapsed.is_(False),
            Trial.task == rung.stage,
            Trial.iterations == rung.iterations,
        )
    )
    signs = {name: criterion.sign for name, criterion in CRITERIA.items()}
    means = means_by_candidate(((key, metrics or {}) for key, metrics in rows), signs)
    return {
        "stage": rung.stage,
        "iterations": rung.iterations,
        "pairs": agreement(means, CRITERIA),
    }


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
    policy = selected_policy(job)
    selection = policy.selection or {}
    history = history_of(session, job)
    candidates = entrants_of(session, job.id)
    dataset = session.get_one(Dataset, job.dataset_id)
    spec = spec_of(job).model_dump(mode="json")
    ranking = job.ranking or []
    states = Counter(trial.state for trial in history.trials)
    return {
        "card_version": CARD_VERSION,
        "job": {
            "id": job.id,
            "name": job.name,
            "created_at": job.created_at.isoformat(),
            "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        },
        "policy": {
            "name": policy.name,
            "digest": policy.digest,
            "words": describe(policy),
            "shares": {
                name: {"rate": share.rate, "strength": share.strength}
                for name, share in shares_of(policy).items()
            },
            "document": policy.model_copy(update={"selection": None}).to_document(),
        },
        "asked": {
            **{name: spec[name] for name in _ASKED},
            "pretraining": spec["pretraining"],
            "scoring": spec["scoring"],
        },
        "data": {
            name: getattr(dataset, name)
            for name in (
                "id", "name", "digest", "resolution", "files", "images", "splits", "mean", "std",
                "skipped_reasons",
            )
        },
        "searched": _searched(job, history, candidates),
        "measure": measure(spec["scoring"]["criterion"]),
        "evidence": selection.get("evidence"),
        "selection": {
            name: value
            for name, value in selection.items()
            if name not in ("evidence", "warnings", "provenance")
        },
        "ranking": ranking[:RANKED_SHOWN],
        "ranking_left_out": max(0, len(ranking) - RANKED_SHOWN),
        "agreement": _agreement(
            session, job, fullest_rung(history.trials, {c.key for c in candidates})
        ),
        "importance": importance(history.trials, searched_shares(session, job.id)).to_dict(),
        "versions": (selection.get("provenance") or {}).get("versions", {}),
        "risks": risks(
            policy,
            mean=dataset.mean,
            std=dataset.std,
            collapsed=[entry["name"] for entry in ranking if entry["collapsed"]],
            failed=states["failed"] + states["crashed"],
            reason=job.reason,
        ),
        "reproduce": {
            "command": _command(job),
            "note": (
                "$QUARTERTURN_URL is the address of a server, such as http://127.0.0.1:8000. The "
                "dataset must have the digest above; upload it again if it is not there, and write "
                "its new id. Where there are keys, add "
                '-H "Authorization: Bearer $QUARTERTURN_API_KEY".'
            ),
        },
        "use": overview(policy, dataset.resolution, f"/v1/jobs/{job.id}/policy"),
    }  # fmt: skip
