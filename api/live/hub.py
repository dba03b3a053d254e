"""Watches on jobs, shared by all streams of this process; and how many streams there may be."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter

from starlette.concurrency import run_in_threadpool

from api.live.snapshot import Snapshot, look
from core.access.keys import Caller, keys_in_force
from core.store.database import statement_scope
from quarterturn.errors import UnavailableError

logger = logging.getLogger(__name__)

_PERIOD = 1.0
#: Of the time that a look takes: what is large is looked at less often.
_REST = 4.0


def _look(job_id: str, key_ids: set[str]) -> tuple[Snapshot | None, set[str]]:
    """The job now, and which of the keys are still in force."""
    with statement_scope() as session:
        good = keys_in_force(session, key_ids) if key_ids else set()
    return look(job_id), good


class Watch:
    """Looks at a job once a second while anybody watches it."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.latest: Snapshot | None = None
        self.gone = False
        self.good_keys: set[str] = set()
        self.keys: list[str] = []
        self.watchers = 0
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                found, self.good_keys = await run_in_threadpool(_look, self.job_id, set(self.keys))
                self.gone = found is None
            except Exception:
                # The database is away; streams stay open and hear of it when it is back.
                logger.warning("job %s cannot be looked at", self.job_id, exc_info=True)
                found, self.good_keys = self.latest, set(self.keys)
            async with self._changed:
                self.latest = found
                self._changed.notify_all()
            await asyncio.sleep(max(_PERIOD, _REST * (time.monotonic() - began)))

    def join(self, key_id: str | None) -> None:
        """One more watches."""
        self.watchers += 1
        if key_id is not None:
            self.keys.append(key_id)
            self.good_keys.add(key_id)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self, key_id: str | None) -> bool:
        """One fewer; whether that was the last."""
        self.watchers -= 1
        if key_id is not None:
            self.keys.remove(key_id)
        if self.watchers == 0 and self._task is not None:
            self._task.cancel()
            self._task = None
        return self.watchers == 0

    async def looked(self) -> None:
        """Wait for the next look."""
        async with self._changed:
            await self._changed.wait()


class Hub:
    """The watches of a process."""

    def __init__(self) -> None:
        self._watches: dict[tuple[int, str], Watch] = {}
        self.open = 0
        self.by_owner: Counter[str] = Counter()

    def enter(self, job_id: str, caller: Caller, most: int, most_of_one: int) -> Watch:
        """Open a stream; to be followed by `leave`.

        Args:
            most, most_of_one: streams of this process, and of one owner.

        Raises:
            UnavailableError: `too_many_streams`.
        """
        owner, key_id = caller.owner, caller.key_id
        if self.by_owner[owner] >= most_of_one:
            raise UnavailableError(
                f"You have {most_of_one} event streams open, which is all that you may have. Close "
                "pages, or poll `GET /v1/jobs/{job_id}/dashboard` instead.",
                code="too_many_streams",
            )
        if self.open >= most:
            raise UnavailableError(
                f"{most} event streams are open, which is the most of this server. Poll "
                "`GET /v1/jobs/{job_id}/dashboard` instead, or try again later.",
                code="too_many_streams",
            )
        self.open += 1
        self.by_owner[owner] += 1
        place = (id(asyncio.get_running_loop()), job_id)
        watch = self._watches.setdefault(place, Watch(job_id))
        watch.join(key_id)
        return watch

    def leave(self, watch: Watch, caller: Caller) -> None:
        """Close a stream."""
        self.open -= 1
        self.by_owner[caller.owner] -= 1
        if watch.leave(caller.key_id):
            place = (id(asyncio.get_running_loop()), watch.job_id)
            self._watches.pop(place, None)


hub = Hub()
