"""Two jobs side by side."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.pages.job import shared_view
from core.charts.comparison import shared_candidates
from core.jobs.create import find_job
from core.jobs.figures.units import unit_of
from core.jobs.pulse import pulse_of
from core.store.tables import Job

_LISTED = 200


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What keeps the scores of two jobs from being compared."""
    found = []
    if one["dataset"]["id"] != other["dataset"]["id"]:
        found.append("They ran on different images.")
    if one["criterion"] != other["criterion"]:
        found.append("They ranked by different criteria.")
    lengths = {view["ranking"][0]["iterations"] for view in (one, other) if view["ranking"]}
    if len(lengths) > 1:
        found.append("Their longest pretraining differs.")
    return found


def _side(session: Session, job_id: str) -> tuple[Job, dict[str, Any]]:
    job = find_job(session, job_id)
    pulse = pulse_of(session, job_id)
    assert pulse is not None
    view = dict(shared_view(session, job, pulse))
    ranking = view["ranking"]
    view["searched"] = next((e for e in ranking if e["origin"] != "baseline"), None)
    view["baseline"] = next((e for e in ranking if e["origin"] == "baseline"), None)
    view["encoder"] = job.spec["pretraining"]["encoder"]
    view["iterations"] = job.spec["iterations"]
    return job, view


def comparison(session: Session, first: str, second: str) -> dict[str, Any]:
    """Two jobs, what differs, and the figure of what both scored."""
    (_, one), (_, other) = _side(session, first), _side(session, second)
    unit = unit_of(one["criterion"])
    figure = shared_candidates(
        one["ranking"],
        other["ranking"],
        unit=unit.name,
        scale=unit.scale,
        names=(one["name"], other["name"]),
    )
    return {"sides": [one, other], "differences": _differences(one, other), "figure": figure}


def compare_page(session: Session, first: str, second: str) -> dict[str, Any]:
    """What the template needs; without two jobs, only what there is to choose from.

    Raises:
        NotFoundError: a job is not there.
    """
    jobs = session.execute(
        select(Job.id, Job.name, Job.state).order_by(Job.id.desc()).limit(_LISTED)
    ).all()
    found = comparison(session, first, second) if first and second else None
    return {"jobs": jobs, "first": first, "second": second, "found": found}
