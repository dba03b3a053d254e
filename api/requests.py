"""ASGI middleware: each request has an id, which its lines and its answer carry, and one line that
says how it went.
"""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.logs import bound

logger = logging.getLogger("quarterturn.access")

HEADER = "X-Request-ID"
#: Those of others are taken over, if they are no more than a name.
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Asked for all the time, by machines.
_OFTEN = ("/healthz", "/livez", "/readyz", "/metrics", "/static/")


class Requests:
    """The outermost of all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _NAME.fullmatch(given) else uuid.uuid4().hex
        status, begun = 500, time.perf_counter()

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                say()  # what is done after the answer does not count

        said = False

        def say() -> None:
            nonlocal said
            if not said:
                said = True
                _say(scope, status, time.perf_counter() - begun)

        with bound(request_id=request_id):
            try:
                await self._app(scope, receive, named)
            finally:
                say()


def _say(scope: Scope, status: int, seconds: float) -> None:
    path: str = scope["path"]
    caller = scope.get("state", {}).get("caller")
    logger.log(
        logging.DEBUG if path.startswith(_OFTEN) and status < 500 else logging.INFO,
        "%s %s %d",
        scope["method"],
        path,
        status,
        extra={
            "method": scope["method"],
            "path": path,
            "status": status,
            "milliseconds": round(1000 * seconds, 1),
            "client": scope["client"][0] if scope.get("client") else None,
            "owner": getattr(caller, "owner", None),
            "key_id": getattr(caller, "key_id", None),
        },
    )
