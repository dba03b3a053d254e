"""Jobs of many trials: what is made for those who look at them, and where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future

import psutil
import pytest
from sqlalchemy import select
from sqlalchemy.pool import QueuePool

from api.live.snapshot import look, look_soon
from api.pages import large
from api.pages.job import Place
from api.pages.large import is_large, made
from api.pages.made import dashboard_json, figure_as, job_page, job_progress, ranking_json
from api.pages.progress import progress_for_list
from core.access.keys import KEYLESS
from core.jobs.control import cancel_job
from core.jobs.create import find_job
from core.jobs.listing import job_page as list_of_jobs
from core.settings import Settings
from core.store.database import get_engine, session_scope, statement_scope
from core.store.tables import Trial
from quarterturn.errors import UnavailableError
from tests.service.waiting import until
from tests.store.rows import make_job


@pytest.fixture
def job(database: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One with more trials than are few here."""
    job_id, _ = make_job(database)
    monkeypatch.setattr(large, "LARGE", 3)
    yield job_id
    large.shutdown()
    large._large.clear()


def _helpers() -> list[psutil.Process]:
    executor = large._aside._executor
    assert executor is not None
    return [psutil.Process(pid) for pid in executor._processes]


def test_what_is_made_aside_is_what_is_made_here(job: str) -> None:
    with statement_scope() as session:
        assert is_large(session, job)
        found = find_job(session, job)
        aside = json.loads(made(session, found, dashboard_json, job))
        page = made(session, found, job_page, job, Place(), KEYLESS, fragment=True)
        figure = made(session, found, figure_as, job, "survival", "svg")
        ranking = made(session, found, ranking_json, job, 10, 0)
        listed = list_of_jobs(session, progress=progress_for_list).rows
    here = json.loads(dashboard_json(job))
    assert {**aside, "seconds_elapsed": 0} == {**here, "seconds_elapsed": 0}
    assert page == job_page(job, Place(), KEYLESS, fragment=True)
    assert ranking == ranking_json(job, 10, 0) == b'{"items":[],"next":null}'
    with statement_scope() as session:
        assert listed == list_of_jobs(session).rows
    assert (job_progress, (job,), ()) in large._entries
    assert figure == figure_as(job, "survival", "svg")
    assert len(_helpers()) == 1, "one process makes them all"


def test_who_waits_for_a_page_holds_no_connection(
    job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = get_engine().pool
    assert isinstance(pool, QueuePool)
    held: list[int] = []
    monkeypatch.setattr(large, "waited_for", lambda coming: held.append(pool.checkedout()))
    before = pool.checkedout()
    with statement_scope() as session:
        found = find_job(session, job)
        assert pool.checkedout() == before + 1
        made(session, found, dashboard_json, job)
    assert held == [before]


def test_one_look_serves_all_until_the_state_changes(job: str) -> None:
    assert isinstance(look_soon(job, "queued"), Future), "nothing is at hand"
    first = look(job)
    assert first is not None
    assert look(job) is first
    assert look_soon(job) is first
    with session_scope() as session:
        cancel_job(session, job)
    second = look(job)
    assert second is not None
    assert (first.summary["state"], second.summary["state"]) == ("queued", "cancelled")
    assert second.ended


def test_who_asks_a_bit_late_is_given_what_there_is_and_sets_off_the_next(job: str) -> None:
    def age(seconds: float) -> None:
        (entry,) = large._entries.values()
        until(lambda: entry.coming is None, 10)
        entry.until = time.monotonic() - seconds

    first = look(job)
    assert first is not None
    with session_scope() as session:
        trial = session.scalars(select(Trial).where(Trial.job_id == job).limit(1)).one()
        trial.attempt = 1
    age(1)
    assert look_soon(job) is first
    until(lambda: (now := look(job)) is not None and now.pulse != first.pulse, 20)
    age(10**6)
    assert isinstance(look_soon(job), Future), "nobody is given what is old"


def test_a_process_that_was_killed_is_started_again(job: str) -> None:
    with statement_scope() as session:
        found = find_job(session, job)
        made(session, found, dashboard_json, job)
        (helper,) = _helpers()
        helper.kill()
        helper.wait(10)
        with pytest.raises(UnavailableError) as refused:
            made(session, found, ranking_json, job, 5, 0)
        assert refused.value.code == "page_unavailable"
        assert made(session, found, ranking_json, job, 5, 0).startswith(b"{")


_PARENT = """
import os, time
from core.aside import Aside
print(Aside().submit(os.getpid).result(), flush=True)
time.sleep(60)
"""


def test_the_process_ends_with_one_that_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert parent.stdout is not None
    helper = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(helper) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(helper)
