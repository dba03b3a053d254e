"""ASGI middleware: HEAD everywhere, and entity tags, so that programs poll what has not changed for
the price of a header (RFC 9110, sections 8.8.3 and 9.3.2).
"""

from __future__ import annotations

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Longer answers are files, which are sent as they are read.
_MAX_TAGGED = 4 * 2**20


def _tagged(start: Message) -> bool:
    length = Headers(raw=start["headers"]).get("content-length", "")
    return start["status"] == 200 and length.isdecimal() and int(length) <= _MAX_TAGGED


def _matches(asked: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names the tag; weakly, as compressed answers share it."""
    given = [part.strip().removeprefix("W/") for part in (asked or "").split(",")]
    return "*" in given or tag.removeprefix("W/") in given


class Conditional:
    """Answers HEAD as GET without the body, and 304 where the reader has the answer already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
            receive = _gone  # a stream of events ends at once
        await self._app(scope, receive, answer.send)


async def _gone() -> Message:
    return {"type": "http.disconnect"}


class _Answer:
    """What is sent of one answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._head = scope["method"] == "HEAD"
        self._known = Headers(scope=scope).get("if-none-match")
        self._is_api = scope["path"].startswith("/v1/")
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._is_api and _tagged(message):
                self._start = message  # kept until the tag is known
            else:
                await self._send(message)
                if self._head:
                    await self._send({"type": "http.response.body", "body": b""})
        elif self._start is not None:
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._end(self._start, b"".join(self._parts))
        elif not self._head:
            await self._send(message)

    async def _end(self, start: Message, body: bytes) -> None:
        tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["ETag"] = tag
        same = _matches(self._known, tag)
        if same:
            del headers["content-length"]
            del headers["content-type"]
        status = 304 if same else start["status"]
        await self._send({**start, "status": status, "headers": headers.raw})
        await self._send(
            {"type": "http.response.body", "body": b"" if same or self._head else body}
        )
