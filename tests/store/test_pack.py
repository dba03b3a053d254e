"""Which trials a worker takes together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select, update

from core.jobs.claim import claim, heartbeat
from core.jobs.control import cancel_job
from core.jobs.pack import claim_mates
from core.jobs.sweep import mark_dispatched
from core.jobs.workers import report_presence
from core.placement import QUEUES
from core.settings import Settings
from core.store.database import session_scope, statement_scope
from core.store.tables import Trial
from tests.service.waiting import until
from tests.store.rows import make_job, somebody_waits_for_a_row, take, trial


def _mates(database: Settings, due: list[str], most: int) -> list[str]:
    with session_scope() as session:
        first = claim(session, due[0], "one", database)
    assert first is not None
    with statement_scope() as session:
        mates = list(claim_mates(session, first, most, "one", database))
    assert len({first.token, *(mate.token for mate in mates)}) == 1 + len(mates)
    with session_scope() as session:
        assert {heartbeat(session, mate, 1, database) for mate in mates} <= {"go on"}
    return [mate.id for mate in mates]


def test_each_has_a_lease_of_its_own_and_its_message_is_a_duplicate(database: Settings) -> None:
    _, due = make_job(database)
    mates = _mates(database, due, 3)
    assert mates == due[1:4]
    assert {trial(mate).state for mate in mates} == {"running"}
    assert {trial(mate).attempt for mate in mates} == {1}
    with session_scope() as session:
        assert claim(session, mates[0], "two", database) is None
        assert claim(session, due[4], "two", database) is not None


def test_only_trials_of_the_same_job_task_and_rung(database: Settings) -> None:
    make_job(database)
    _, due = make_job(database)
    changes = [{"task": "confirmation"}, {"iterations": 3}, {"payload": {"fold": 1}}]
    with session_scope() as session:
        for trial_id, change in zip(due[1:], changes, strict=False):
            session.execute(update(Trial).where(Trial.id == trial_id).values(**change))
    assert _mates(database, due, 60) == due[4:]
    with session_scope() as session:
        queued = select(func.count()).where(Trial.state == "queued")
        assert session.scalar(queued) == 3 + len(due)


def test_other_workers_keep_their_share(database: Settings) -> None:
    _, due = make_job(database)
    with session_scope() as session:
        for name in ("one", "two", "three"):
            report_presence(session, name, "cpu", list(QUEUES[:2]))
        report_presence(session, "elsewhere", "cpu", [QUEUES[2]])
    assert len(due) == 8
    assert len(_mates(database, due, 60)) == 2, "three of eight, with the first"


def test_one_whose_message_is_just_being_noted_is_waited_for(database: Settings) -> None:
    _, due = make_job(database)
    with ThreadPoolExecutor(1) as pool:
        with session_scope() as noting:
            mark_dispatched(noting, due[1:3])
            mates = pool.submit(_mates, database, due, 3)
            until(somebody_waits_for_a_row, 10, period=0.02)
        assert mates.result(10) == due[1:4]


def test_instead_of_one_that_another_worker_takes_first_the_next_is_taken(
    database: Settings,
) -> None:
    _, due = make_job(database)
    take(database, due[-1])  # the first of a job waits for others that begin it
    with ThreadPoolExecutor(1) as pool:
        with session_scope() as other:
            assert claim(other, due[1], "two", database) is not None
            mates = pool.submit(_mates, database, due, 3)
            until(somebody_waits_for_a_row, 10, period=0.02)
        assert mates.result(10) == due[2:5]


def test_none_of_a_job_that_is_ending(database: Settings) -> None:
    job, due = make_job(database)
    with session_scope() as session:
        first = claim(session, due[0], "one", database)
        assert first is not None
    with session_scope() as session:
        cancel_job(session, job)
    with statement_scope() as session:
        assert list(claim_mates(session, first, 3, "one", database)) == []
