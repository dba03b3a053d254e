"""The label-free criteria of candidates, as the ranking counts their trials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.store.tables import Trial
from quarterturn.score.catalogue import CRITERIA
from quarterturn.search.agreement import means_by_candidate


def criteria_of(
    session: Session, job_id: str, entries: Iterable[Mapping[str, Any]]
) -> dict[str, dict[str, float]]:
    """Mean of each criterion per candidate, in its own direction, over the trials of the stage and
    length at which the candidate is ranked.
    """
    places = {(e["candidate"], e["stage"], e["iterations"]) for e in entries}
    if not places:
        return {}
    columns = [Trial.metrics[name].as_float() for name in CRITERIA]
    rows = session.execute(
        select(Trial.candidate_key, Trial.task, Trial.iterations, *columns).where(
            Trial.job_id == job_id,
            Trial.state == "completed",
            Trial.candidate_key.in_({key for key, _, _ in places}),
        )
    )
    measured = (
        (row[0], dict(zip(CRITERIA, row[3:], strict=True)))
        for row in rows
        if (row[0], row[1], row[2]) in places
    )
    return means_by_candidate(measured, dict.fromkeys(CRITERIA, 1))
