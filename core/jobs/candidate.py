"""One candidate of a job: its policy, how it did, and what can be done with it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.jobs.criteria import criteria_of
from core.jobs.history import entrants_of, history_of
from core.jobs.selected import selected_policy
from core.jobs.specs import spec_of
from core.store.tables import CandidateRow, Dataset, Job, Trial
from quarterturn.card.risks import policy_risks
from quarterturn.errors import NotFoundError
from quarterturn.export.overview import overview
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.lint import lint
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.shares import shares_of
from quarterturn.policy.words import describe
from quarterturn.search.standing import standing

#: Stands for the key of the policy that the job selected.
SELECTED = "selected"
_TRIALS_SHOWN = 60


def find_candidate(session: Session, job: Job, key: str) -> tuple[str, str, Policy]:
    """The key, the origin and the policy of a candidate; `selected` is the one that was selected.

    Raises:
        NotFoundError: `candidate_not_found`. ConflictError: `policy_not_ready`.
    """
    chosen = selected_policy(job) if key == SELECTED else None
    wanted = chosen.digest[:16] if chosen else key
    row = session.execute(
        select(CandidateRow.key, CandidateRow.origin, CandidateRow.policy).where(
            CandidateRow.job_id == job.id, CandidateRow.key == wanted
        )
    ).one_or_none()
    if row is None and chosen is not None:
        return wanted, "baseline", chosen  # the fallback, where it was not a candidate
    if row is None:
        raise NotFoundError(
            f"The job has no candidate {key}. Its ranking and its trials name them.",
            code="candidate_not_found",
        )
    return row.key, row.origin, chosen or parse_policy(row.policy)


def _ranking(session: Session, job: Job) -> list[dict[str, Any]]:
    if job.ranking is not None:
        return job.ranking
    found = standing(spec_of(job), entrants_of(session, job.id), history_of(session, job))
    return [entry.to_dict() for entry in found]


def _shares(policy: Policy) -> list[dict[str, Any]]:
    return [
        {
            "operation": name,
            "rate": share.rate,
            "strength": share.strength,
            "strongest": share.strongest,
            "unit": OPERATIONS[name].unit if name in OPERATIONS else "",
        }
        for name, share in shares_of(policy).items()
    ]


def _trials(session: Session, job_id: str, key: str) -> list[dict[str, Any]]:
    rows = session.execute(
        select(
            Trial.id,
            Trial.number,
            Trial.task,
            Trial.seed,
            Trial.iterations,
            Trial.state,
            Trial.score,
            Trial.held_out,
            Trial.collapsed,
            Trial.seconds,
        )
        .where(Trial.job_id == job_id, Trial.candidate_key == key)
        .order_by(Trial.number)
        .limit(_TRIALS_SHOWN)
    )
    return [dict(row._mapping) for row in rows]


def candidate_view(session: Session, job: Job, key: str) -> dict[str, Any]:
    """Everything that the page of a policy shows.

    Raises:
        NotFoundError: `candidate_not_found`. ConflictError: `policy_not_ready`.
    """
    found, origin, policy = find_candidate(session, job, key)
    dataset = session.get_one(Dataset, job.dataset_id)
    ranking = _ranking(session, job)
    entry = next((e for e in ranking if e["candidate"] == found), None)
    criteria = criteria_of(session, job.id, [entry]) if entry else {}
    selected = job.policy is not None and selected_policy(job).digest[:16] == found
    return {
        "job_id": job.id,
        "candidate": found,
        "name": policy.name,
        "origin": origin,
        "digest": policy.digest,
        "selected": selected,
        "criterion": spec_of(job).scoring.criterion,
        "words": describe(policy),
        "shares": _shares(policy),
        "ranking": entry,
        "candidates_ranked": len(ranking),
        "criteria": criteria.get(found, {}),
        "trials": _trials(session, job.id, found),
        "warnings": [
            *lint(policy),
            *policy_risks(policy, dataset.mean, dataset.std),
        ],
        "exports": overview(
            policy,
            dataset.resolution,
            url=lambda name: f"/v1/jobs/{job.id}/policies/{found}/file?format={name}",
        ),
        "policy": policy.to_document(),
    }


def candidate_names(session: Session, job: Job, most: int = 200) -> list[dict[str, str]]:
    """Candidates to choose from: those of the ranking in its order, else as they were proposed."""
    if job.ranking is not None:
        return [
            {"key": e["candidate"], "name": f"{e['rank']}. {e['name']}"} for e in job.ranking[:most]
        ]
    best = func.max(Trial.score)
    rows = session.execute(
        select(CandidateRow.key, CandidateRow.name)
        .outerjoin(
            Trial,
            (Trial.job_id == CandidateRow.job_id) & (Trial.candidate_key == CandidateRow.key),
        )
        .where(CandidateRow.job_id == job.id)
        .group_by(CandidateRow.id, CandidateRow.key, CandidateRow.name)
        .order_by(best.desc().nulls_last(), CandidateRow.id)
        .limit(most)
    )
    return [{"key": key, "name": name} for key, name in rows]
