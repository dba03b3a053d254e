"""A job as a stream of server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.deps import CallerDep, SettingsDep
from api.live.hub import Watch, hub
from api.live.snapshot import Snapshot, look_soon
from api.pages.large import unavailable
from api.problems import responses
from core.access.keys import Caller
from core.jobs.create import job_not_found, state_of
from core.store.database import statement_scope

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_HEARTBEAT_SECONDS = 10
#: Then the client comes back by itself, with its key and the id of the last event.
_LONGEST_SECONDS = 600.0
_RETRY_MS = 2000


class _Stream(EventSourceResponse):
    """Leaves the watch when the client goes, even before the first event."""

    def __init__(self, watch: Watch, caller: Caller, events: AsyncIterator[Any]) -> None:
        super().__init__(events, ping=_HEARTBEAT_SECONDS)
        self._watch, self._caller = watch, caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            hub.leave(self._watch, self._caller.key_id)


async def _events(
    watch: Watch, caller: Caller, token: str | None, html: bool
) -> AsyncIterator[ServerSentEvent]:
    until = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < until:
        found = watch.latest
        if found is not None:
            update = found.since(token, html=html)
            token = found.token
            if update is not None:
                yield ServerSentEvent(
                    update, event="update", id=token, retry=_RETRY_MS
                )  # fmt: skip
        if watch.gone or (found is not None and found.ended):
            yield ServerSentEvent("{}", event="end", id=token)
            return
        if caller.key_id is not None and caller.key_id not in watch.good_keys:
            return  # revoked or expired: the next attempt is refused at the gate
        try:
            await asyncio.wait_for(watch.looked(), _LONGEST_SECONDS)
        except TimeoutError:
            return


def _find(job_id: str, caller: Caller) -> None:
    with statement_scope(caller.owner) as session:
        state_of(session, job_id)


def _looked(job_id: str, caller: Caller) -> Snapshot | Future[Snapshot | None] | None:
    with statement_scope(caller.owner) as session:
        state = state_of(session, job_id)
    return look_soon(job_id, state)


async def _seen(job_id: str, caller: Caller) -> Snapshot:
    coming = await run_in_threadpool(_looked, job_id, caller)
    # Many may wait for it, and there are not that many threads.
    found = await _come(coming) if isinstance(coming, Future) else coming
    if found is None:
        raise job_not_found(job_id)
    return found


async def _come(coming: Future[Snapshot | None]) -> Snapshot | None:
    try:
        return await asyncio.shield(asyncio.wrap_future(coming))
    except BrokenProcessPool:
        raise unavailable() from None
    except asyncio.CancelledError:
        if coming.cancelled():
            raise unavailable() from None
        raise  # the client has gone


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses={
        200: {
            "description": "Events `update` while the job changes, then `end`",
            "content": {"text/event-stream": {}, "application/json": {}},
        },
        **responses(404, 503),
    },
)
async def events(
    job_id: str,
    request: Request,
    settings: SettingsDep,
    caller: CallerDep,
    parts: Annotated[
        bool, Query(description="With the changed parts of the page as HTML.")
    ] = False,
    last_event_id: Annotated[str | None, Header(max_length=300)] = None,
    after: Annotated[
        str | None, Query(max_length=300, description="As `Last-Event-ID`, for polling.")
    ] = None,
) -> Response:
    """The job as it changes. A client that does not accept `text/event-stream` gets one update as
    JSON, with its `id`, to ask again with.
    """
    token = last_event_id or after
    if "text/event-stream" not in request.headers.get("accept", ""):
        found = await _seen(job_id, caller)
        update = found.since(token, html=parts) or "{}"
        stand = json.dumps({"id": found.token, "ended": found.ended})
        joined = stand if update == "{}" else f"{stand[:-1]}, {update[1:]}"
        return Response(joined, media_type="application/json")
    await run_in_threadpool(_find, job_id, caller)
    watch = hub.enter(job_id, caller.key_id, settings.event_streams)
    return _Stream(watch, caller, _events(watch, caller, token, parts))
