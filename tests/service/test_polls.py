"""Polls that come together: one look for all, and nobody waits for what is not yet made."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from api.live import polls as polling
from api.live.polls import Polls
from api.live.snapshot import Snapshot, look_soon
from core.jobs.control import cancel_job
from core.settings import Settings
from core.store.database import session_scope
from core.store.owned import LOCAL
from quarterturn.errors import NotFoundError
from tests.service.looping import run_apart
from tests.store.rows import make_job


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were looked at."""
    seen: list[str] = []

    def counted(job_id: str, state: str | None = None) -> Any:
        seen.append(job_id)
        return look_soon(job_id, state)

    monkeypatch.setattr(polling, "look_soon", counted)
    return seen


def test_those_that_come_together_share_a_look(database: Settings, looks: list[str]) -> None:
    job, _ = make_job(database)

    async def steps() -> None:
        polls = Polls()
        many = [asyncio.ensure_future(polls.seen(job, LOCAL, wait=True)) for _ in range(50)]
        await asyncio.sleep(0)
        many.pop(0).cancel()  # the first, for whom it was begun
        found = await asyncio.gather(*many)
        assert len({id(one) for one in found}) == 1
        assert looks == [job]
        await asyncio.sleep(polling._SHARED_SECONDS)
        await polls.seen(job, LOCAL, wait=True)
        assert looks == [job] * 2

    run_apart(steps())


def test_who_changes_something_sees_it_at_once(database: Settings) -> None:
    job, _ = make_job(database)

    async def steps() -> None:
        polls = Polls()
        found = await polls.seen(job, LOCAL, wait=True)
        assert found is not None
        assert not found.ended
        with session_scope() as session:
            cancel_job(session, job)
        polls.forget()
        found = await polls.seen(job, LOCAL, wait=True)
        assert found is not None
        assert found.ended

    run_apart(steps())


def test_a_look_is_shared_with_nobody_else(database: Settings, looks: list[str]) -> None:
    job, _ = make_job(database)

    async def steps() -> None:
        polls = Polls()
        assert await polls.seen(job, LOCAL, wait=True) is not None
        for _ in range(2):
            with pytest.raises(NotFoundError, match=job):
                await polls.seen(job, "ann", wait=True)
        assert looks == [job], "what another may not see is not looked at"

    run_apart(steps())


def test_only_who_has_seen_nothing_waits_for_what_is_being_made(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = make_job(database)
    now, coming = look_soon(job), Future[Snapshot | None]()
    assert isinstance(now, Snapshot)
    monkeypatch.setattr(polling, "look_soon", lambda *_: coming)

    async def steps() -> None:
        polls = Polls()
        assert await polls.seen(job, LOCAL, wait=False) is None
        first = asyncio.ensure_future(polls.seen(job, LOCAL, wait=True))
        threading.Timer(0.05, coming.set_result, [now]).start()
        assert await first is now
        assert await polls.seen(job, LOCAL, wait=False) is now

    run_apart(steps())
