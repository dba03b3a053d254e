"""Owners share the workers: a job of thousands does not hold up one of a few."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, update

from core.jobs.control import pause_job
from core.jobs.shares import claim_next, next_trial
from core.jobs.sweep import without_job
from core.settings import Settings
from core.store.database import session_scope, statement_scope
from core.store.tables import Dataset, Job, Trial
from tests.store.rows import complete, make_job, outcome


def _job(settings: Settings, owner: str, trials: int, **search: Any) -> tuple[str, list[str]]:
    strategy = {"kind": "random", "candidates": trials}
    job, due = make_job(settings, strategy=strategy, seeds=1, **search)
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == job).values(owner=owner))
        session.execute(
            update(Dataset)
            .where(Dataset.id == select(Job.dataset_id).where(Job.id == job).scalar_subquery())
            .values(owner=owner)
        )
    return job, due


def _claim(settings: Settings, message: str) -> Any:
    with statement_scope() as session:
        return claim_next(session, message, "w", settings)


def _running() -> dict[str, int]:
    with session_scope() as session:
        rows = session.execute(
            select(Job.owner, func.count())
            .join(Trial, Trial.job_id == Job.id)
            .where(Trial.state == "running")
            .group_by(Job.owner)
        )
        return {row[0]: row[1] for row in rows}


def test_a_few_trials_do_not_wait_for_many(database: Settings) -> None:
    _, many = _job(database, "much", 40)
    few_job, few = _job(database, "little", 3)
    messages = [*many, *few]
    taken = [_claim(database, message) for message in messages[:6]]
    assert _running() == {"much": 3, "little": 3}
    assert {one.id for one in taken if one.job_id == few_job} == set(few[:3])


def test_the_jobs_of_one_owner_take_turns(database: Settings) -> None:
    first, many = _job(database, "one", 30)
    second, _ = _job(database, "one", 30)
    jobs = [_claim(database, message).job_id for message in many[:6]]
    assert sorted(jobs) == sorted([first, second] * 3)


def test_every_queued_trial_is_taken_by_as_many_messages(database: Settings) -> None:
    _, first = _job(database, "a", 7)
    _, second = _job(database, "b", 2)
    taken = [_claim(database, message) for message in [*first, *second]]
    assert {one.id for one in taken} == {*first, *second}
    assert _claim(database, first[0]) is None, "a second delivery finds nothing"


def test_who_has_fewer_running_is_next_whoever_was_before(database: Settings) -> None:
    _, first = _job(database, "a", 8)
    taken = [_claim(database, message) for message in first[:3]]
    job, second = _job(database, "b", 8)
    for message in first[3:6]:
        assert _claim(database, message).job_id == job
    complete(taken[0], outcome())
    assert _claim(database, second[0]).owner == "a"


@pytest.mark.parametrize("why", ["paused", "another kind of worker"])
def test_nothing_is_taken_of_what_this_worker_may_not_have(database: Settings, why: str) -> None:
    _, first = _job(database, "a", 4)
    ask = {"worker": {"device": "cuda"}} if why != "paused" else {}
    other, _ = _job(database, "b", 4, **ask)
    if why == "paused":
        with session_scope() as session:
            pause_job(session, other)
    assert {_claim(database, message).owner for message in first} == {"a"}
    with statement_scope() as session:
        assert next_trial(session, first[0]) is None


def test_messages_of_ended_and_deleted_jobs_are_known(database: Settings) -> None:
    job, going = _job(database, "a", 2)
    ended, gone = _job(database, "b", 2)
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == ended).values(state="cancelled"))
    with session_scope() as session:
        assert without_job(session, {*going, *gone, "trial_deleted"}) == {*gone, "trial_deleted"}
    assert job
