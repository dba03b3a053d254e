"""ASGI middleware: a request with an `Idempotency-Key` is done once, however often it is sent
(IETF draft-ietf-httpapi-idempotency-key-header).
"""

from __future__ import annotations

import hashlib

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import answer_to
from core.answers import Answered, claim_key, keep_answer
from quarterturn.errors import InvalidInputError, QuarterturnError

_MAX_KEY = 200


def _key_of(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    headers = Headers(scope=scope)
    if headers.get("content-type", "").startswith("multipart/"):
        return None  # the same images are the same dataset anyway
    return headers.get("idempotency-key")


class Idempotent:
    """Gives the answer to the first request of a key to all that repeat it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key_of(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        owner: str = scope["state"]["caller"].owner
        body = await _read(receive)
        text = b"\0".join((scope["path"].encode(), scope.get("query_string", b""), body))
        try:
            if not 0 < len(key) <= _MAX_KEY:
                raise InvalidInputError(
                    f"An Idempotency-Key has 1 to {_MAX_KEY} characters.", code="invalid_request"
                )
            digest = hashlib.sha256(text).hexdigest()
            known = await run_in_threadpool(claim_key, owner, key, digest)
        except QuarterturnError as error:
            await answer_to(error)(scope, receive, send)
            return
        if known is not None:
            await _repeat(known, send)
            return
        await self._first(scope, body, receive, send, owner, key)

    async def _first(
        self, scope: Scope, body: bytes, receive: Receive, send: Send, owner: str, key: str
    ) -> None:
        start: Message = {"status": 500, "headers": []}
        parts: list[bytes] = []

        handed = False

        async def whole() -> Message:
            nonlocal handed
            if handed:  # what comes behind the body is that the client has left
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def watched(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            else:
                parts.append(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, whole, watched)
        finally:
            done = None
            if 200 <= start["status"] < 300:
                location = Headers(raw=start["headers"]).get("location")
                done = Answered(start["status"], location, b"".join(parts).decode())
            await run_in_threadpool(keep_answer, owner, key, done)


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _repeat(answer: Answered, send: Send) -> None:
    body = answer.body.encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"idempotent-replayed", b"true"),
    ]
    if answer.location is not None:
        headers.append((b"location", answer.location.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
