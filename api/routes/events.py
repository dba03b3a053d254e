"""A job as a stream of server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api.deps import CallerDep, SettingsDep
from api.live.hub import Watch, hub
from api.live.polls import polls
from api.problems import responses
from core.access.keys import Caller
from core.jobs.create import state_of
from core.store.database import statement_scope

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_HEARTBEAT_SECONDS = 10
#: Then the client comes back by itself, with its key and the id of the last event.
_LONGEST_SECONDS = 600.0
_JSON = "application/json"


class _Stream(EventSourceResponse):
    """Leaves the watch when the client goes, even before the first event."""

    def __init__(self, watch: Watch, caller: Caller, events: AsyncIterator[Any]) -> None:
        super().__init__(events, ping=_HEARTBEAT_SECONDS)
        self._watch, self._caller = watch, caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            hub.leave(self._watch, self._caller)


async def _events(
    watch: Watch, caller: Caller, token: str | None, html: bool
) -> AsyncIterator[ServerSentEvent | bytes]:
    until = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < until:
        found = watch.latest
        if found is not None:
            update = found.event_since(token, html=html)
            token = found.token
            if update is not None:
                yield update
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
    token = last_event_id or after or None
    if "text/event-stream" not in request.headers.get("accept", ""):
        # Who saw it before is not kept waiting: for now there is nothing new.
        found = await polls.seen(job_id, caller.owner, wait=token is None)
        if found is None:
            return Response(json.dumps({"id": token, "ended": False}), media_type=_JSON)
        update = found.since(token, html=parts) or "{}"
        stand = json.dumps({"id": found.token, "ended": found.ended})
        joined = stand if update == "{}" else f"{stand[:-1]}, {update[1:]}"
        return Response(joined, media_type=_JSON)
    await run_in_threadpool(_find, job_id, caller)
    watch = hub.enter(job_id, caller, settings.event_streams, settings.event_streams_per_owner)
    return _Stream(watch, caller, _events(watch, caller, token, parts))
