"""What a request asks to be planned, within the limits of `core.planner`: one call of an owner at a
time, as many calls as there are processes, and none for a client that has left.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

from fastapi import Request, Response

from core import planner
from core.settings import get_settings
from quarterturn.errors import UnavailableError
from quarterturn.processes import WorkerDiedError

#: Calls of one owner that may wait or run.
MOST_OF_ONE = 8
#: For a process to start, beside the time that it gives itself.
_START_SECONDS = 60.0


class Planned:
    """The calls of one application."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(planner.COUNT)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._asked: Counter[str] = Counter()

    @asynccontextmanager
    async def _turn(self, owner: str) -> AsyncIterator[None]:
        if self._asked[owner] >= MOST_OF_ONE:
            raise UnavailableError(
                f"{MOST_OF_ONE} of your requests are being planned. Try again in a moment.",
                code="planning_busy",
            )
        self._asked[owner] += 1
        turn = self._turns.setdefault(owner, asyncio.Lock())
        try:
            async with turn, self._places:
                yield
        finally:
            self._asked[owner] -= 1
            if not self._asked[owner]:
                del self._asked[owner]

    async def call(
        self, request: Request, owner: str, function: Callable[..., Any], *args: Any
    ) -> Any:
        """What the function of a module returns.

        Raises:
            UnavailableError: `planning_busy`. InvalidInputError: `search_too_large`. Errors of the
            function.
        """
        gone = asyncio.ensure_future(_left(request))
        calling = asyncio.ensure_future(self._call(owner, function, *args))
        try:
            await asyncio.wait({gone, calling}, return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                raise ClientLeftError
            return calling.result()
        finally:
            gone.cancel()
            calling.cancel()

    async def _call(self, owner: str, function: Callable[..., Any], *args: Any) -> Any:
        async with self._turn(owner):
            future = planner.submit(function, *args)
            try:
                seconds = get_settings().planning_seconds + _START_SECONDS
                return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
            except (TimeoutError, WorkerDiedError):  # its own limits have ended it
                raise planner.too_large() from None
            finally:
                if not future.done():
                    planner.give_up(future)


class ClientLeftError(Exception):
    """Nobody waits for the answer."""


def nobody(_: Request, error: Exception) -> Response:
    """The answer that nobody waits for; its status is for the log alone."""
    assert isinstance(error, ClientLeftError)
    return Response(status_code=499)


def planned_of(request: Request) -> Planned:
    """The calls of the application that a request came to."""
    planned: Planned = request.app.state.planned
    return planned


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
