"""Jobs that are given more: in place while they run, by another job once they have ended."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from core.jobs.changing import Changes, change_job
from core.jobs.control import stop_job
from core.jobs.extending import More
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Job, Trial
from quarterturn.errors import ConflictError, InvalidInputError
from tests.store.rows import complete, make_job, outcome, take, trial


def _change(settings: Settings, job_id: str, **changes: Any) -> tuple[Job, list[str]]:
    with session_scope() as session:
        return change_job(session, job_id, Changes(**changes), settings)


def _job(job_id: str) -> Job:
    with session_scope() as session:
        return session.get_one(Job, job_id)


def _trials(job_id: str) -> list[Trial]:
    with session_scope() as session:
        query = select(Trial).where(Trial.job_id == job_id).order_by(Trial.number)
        return list(session.scalars(query))


def _run(settings: Settings, due: list[str]) -> int:
    """Completes trials until there are no more; how many."""
    count = 0
    while due:
        first, *due = due
        due += complete(take(settings, first), outcome(0.5 + count / 100))
        count += 1
    return count


def test_a_job_that_ended_is_extended_by_another(database: Settings) -> None:
    first, due = make_job(database, budget={"trials": 3})
    assert _run(database, due) == 3
    ended = _job(first)
    assert (ended.state, ended.reason) == ("completed", "budget")
    more, due = _change(database, first, more=More({"trials": None}), tags=["b", "a", "b"])
    assert more.id != first
    assert (more.state, more.extends, more.tags) == ("queued", first, ["b", "a"])
    taken = [t for t in _trials(more.id) if t.state == "completed"]
    assert [t.score for t in taken] == [t.score for t in _trials(first)]
    assert {t.iterations_run for t in taken} == {0}
    assert [t.provenance["reused_from"]["trial_id"] for t in taken if t.provenance] == [
        t.id for t in _trials(first)
    ]
    _, all_due = make_job(database)
    assert _run(database, due) == len(all_due) - 3
    assert _job(more.id).state == "completed"
    assert _job(first).ranking == ended.ranking, "what has ended stays as it is"
    assert _job(first).tags == []
    assert [t.number for t in _trials(more.id)] == list(range(1, len(all_due) + 1))


def test_a_running_job_goes_on_by_the_larger_plan(database: Settings) -> None:
    job_id, due = make_job(database, budget={"trials": 3, "seconds": 50})
    claimed = take(database, due[0])
    assert claimed.seconds_left is not None
    assert claimed.seconds_left <= 50
    changed, new = _change(database, job_id, more=More({"trials": 100, "seconds": 5000}, 4))
    assert (changed.id, changed.state, changed.revision) == (job_id, "running", 1)
    assert changed.spec["budget"] == {"trials": 100, "iterations": None, "seconds": 5000}
    due = [*due[1:], *new, *complete(claimed, outcome())]
    following = take(database, due[0])
    assert following.seconds_left is not None
    assert following.seconds_left > 50, "workers read the budget anew"
    due = [*due[1:], *complete(following, outcome())]
    _run(database, due)
    job = _job(job_id)
    assert (job.state, job.reason) == ("completed", None)
    with session_scope() as session:
        searched = select(func.count(Trial.candidate_key.distinct())).where(Trial.job_id == job_id)
        found = session.scalar(searched)
    _, others = make_job(database, strategy={"kind": "random", "candidates": 4})
    assert found == len(others)


def test_a_queued_job_is_planned_at_once(database: Settings) -> None:
    job_id, due = make_job(database, strategy={"kind": "asha", "candidates": 2})
    changed, _ = _change(database, job_id, more=More(candidates=3))
    assert changed.spec["strategy"]["candidates"] == 3
    assert trial(due[0]).state == "queued"


def test_what_is_refused_changes_nothing(database: Settings) -> None:
    job_id, due = make_job(database, budget={"trials": 3})
    before = _job(job_id).name
    for more in (More({"trials": 2}), More(candidates=1), More({"seconds": 9.0})):
        with pytest.raises(InvalidInputError) as refused:
            _change(database, job_id, more=more, name="new")
        assert refused.value.code == "invalid_extension"
    with pytest.raises(InvalidInputError) as many:
        _change(
            database.model_copy(update={"max_candidates": 9}),
            job_id,
            more=More({"trials": None}, 50),
        )
    assert many.value.code == "too_many_candidates"
    assert (_job(job_id).revision, _job(job_id).name) == (0, before)
    claimed = take(database, due[0])
    with session_scope() as session:
        stop_job(session, job_id)
    with pytest.raises(ConflictError) as ending:
        _change(database, job_id, more=More({"trials": 9}))
    assert ending.value.code == "job_ending"
    complete(claimed, outcome())


def test_names_notes_and_tags_of_any_job(database: Settings) -> None:
    job_id, _ = make_job(database)
    changed, due = _change(database, job_id, name="mine", notes="of March", tags=["retina"])
    assert (changed.id, due) == (job_id, [])
    assert (changed.name, changed.notes, changed.tags) == ("mine", "of March", ["retina"])
    assert _change(database, job_id, tags=[])[0].tags == []
    assert _job(job_id).notes == "of March"
