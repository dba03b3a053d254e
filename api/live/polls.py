"""Polls of jobs: those that come at almost the same time share one look."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from api.live.snapshot import Snapshot, look_soon
from api.pages.large import unavailable
from core.jobs.create import job_not_found, state_of
from core.store.database import statement_scope

#: A poll is answered with what another saw so long ago.
_SHARED_SECONDS = 0.5
_MOST = 256

#: What was seen, or what is being made of a large job for the first time.
_Seen = Snapshot | Future[Snapshot | None]


def _looked(job_id: str, owner: str) -> _Seen:
    with statement_scope(owner) as session:
        state = state_of(session, job_id)
    found = look_soon(job_id, state)
    if found is None:
        raise job_not_found(job_id)
    return found


async def _come(coming: Future[Snapshot | None], job_id: str) -> Snapshot:
    try:
        found = await asyncio.shield(asyncio.wrap_future(coming))
    except BrokenProcessPool:
        raise unavailable() from None
    except asyncio.CancelledError:
        if coming.cancelled():
            raise unavailable() from None
        raise  # the client has gone
    if found is None:
        raise job_not_found(job_id)
    return found


@dataclass
class _Look:
    task: asyncio.Task[_Seen]
    until: float


class Polls:
    """The polls of a process. Who changes something (`forget`) sees it in the next."""

    def __init__(self) -> None:
        self._looks: dict[tuple[int, str, str], _Look] = {}

    def forget(self) -> None:
        """The next poll of each job looks anew."""
        self._looks.clear()

    def _look(self, job_id: str, owner: str) -> asyncio.Task[_Seen]:
        loop = asyncio.get_running_loop()
        place, now = (id(loop), owner, job_id), time.monotonic()
        look = self._looks.get(place)
        if look is None or now >= look.until:
            if len(self._looks) >= _MOST:
                self._looks.clear()
            task = loop.create_task(run_in_threadpool(_looked, job_id, owner))
            look = self._looks[place] = _Look(task, now + _SHARED_SECONDS)
        return look.task

    async def seen(self, job_id: str, owner: str, *, wait: bool) -> Snapshot | None:
        """The job now, or half a second ago.

        Args:
            wait: for what of a large job is not yet made; else None.

        Raises:
            NotFoundError: `job_not_found`.
            UnavailableError: `page_unavailable`.
        """
        # One client that goes away must not take the look from the others.
        found = await asyncio.shield(self._look(job_id, owner))
        if isinstance(found, Snapshot):
            return found
        if found.done() or wait:
            return await _come(found, job_id)
        return None


polls = Polls()
