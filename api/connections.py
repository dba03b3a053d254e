"""The connections of the API: how much a client may send before its request is complete, how long
it may take, and how many there may be.

uvicorn with httptools has no limits of its own: it collects headers of any length, and a connection
on which nothing is sent stays for ever. Bodies are limited later, by `api.limits`.
"""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.problems import problem
from core.settings import get_settings

#: Of the target of a request, and of its head in all; the second also of trailers and of what
#: surrounds the parts of a body.
MAX_URL_BYTES = 8 * 2**10
MAX_HEAD_BYTES = 32 * 2**10
MAX_HEADERS = 128
_SLICE_BYTES = 4 * 2**10
#: Requests that a client sends ahead, without waiting for answers.
_MAX_AHEAD = 16
#: For the rest of a body that nobody waits for, and of a request that was refused.
_REST_SECONDS, _REST_BYTES = 3.0, 2**28
#: How long a client may read nothing of an answer.
_STALL_SECONDS = 60.0


@dataclass(frozen=True)
class _Refusal:
    status: int
    code: str
    detail: str


class TooLongError(Exception):
    """What came in of a request is too long; raised through the parser, which then stops."""


_NOT_HTTP = _Refusal(
    400,
    code="bad_request",
    detail="The request is no HTTP that can be read. Send HTTP/1.1, as curl and browsers do.",
)
_URL = _Refusal(
    414,
    code="url_too_long",
    detail=f"The address has more than {MAX_URL_BYTES} bytes. Send less in it.",
)
_HEAD = _Refusal(
    431,
    code="head_too_long",
    detail=f"The head of the request has more than {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} fields. "
    "Send fewer or shorter ones.",
)


class GuardedProtocol(HttpToolsProtocol):
    """One connection.

    Bytes are counted since the last that the parser made something of: the begin of a request, the
    end of its head, or a part of its body. So no part of a request is collected without a bound.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = get_settings()
        self._head_seconds, self._most = settings.head_seconds, settings.max_connections
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._unfinished = 0
        self._has_begun = self._is_whole = self._is_refused = False
        self._why = _NOT_HTTP
        self.last_heard = self.loop.time()

    # Connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()
        if len(self.connections) > self._most and not self._make_room():
            self._refuse(
                503,
                code="too_many_connections",
                detail=f"The server has {self._most} connections open, which is all that it keeps. "
                "Try again in a moment, and close connections that you do not need.",
            )

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._expect_nothing()
        if self._stall is not None:
            self._stall.cancel()

    def is_waiting(self) -> bool:
        """Whether it is the client's turn to send something."""
        if self.flow.read_paused:
            return False
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _make_room(self) -> bool:
        """End the connection whose client has been silent longest, but for this one."""
        others = [
            other
            for other in self.connections
            if isinstance(other, GuardedProtocol) and other is not self and other.is_waiting()
        ]
        if not others:
            return False
        min(others, key=lambda other: other.last_heard).transport.abort()
        return True

    # Time

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _abort_after(self, seconds: float) -> None:
        self._expect_nothing()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _expect_head(self) -> None:
        self._expect_nothing()
        self._timer = self.loop.call_later(self._head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        if not self._has_begun:
            self.transport.abort()
            return
        self._refuse(
            408,
            code="request_too_slow",
            detail=f"The head of the request did not come within {self._head_seconds:g} s. Send it "
            "again over a better connection.",
        )

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self.loop.call_later(_STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_after(_STALL_SECONDS)  # if it does not take what was sent

    # Bytes

    def data_received(self, data: bytes) -> None:
        self.last_heard = self.loop.time()
        if self._is_refused:
            self._unfinished += len(data)
            if self._unfinished > _REST_BYTES:
                self.transport.abort()
            return
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()
        for start in range(0, len(data), _SLICE_BYTES):
            part = data[start : start + _SLICE_BYTES]
            self._unfinished += len(part)
            super().data_received(part)
            if self.transport.is_closing() or self._is_refused:
                return
            if self._unfinished > MAX_HEAD_BYTES:
                self._refuse(_HEAD.status, code=_HEAD.code, detail=_HEAD.detail)
                return

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unfinished, self._has_begun, self._is_whole = 0, True, False

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            self._why = _URL
            raise TooLongError

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            self._why = _HEAD
            raise TooLongError

    def on_headers_complete(self) -> None:
        self._unfinished, self._has_begun = 0, False
        self._expect_nothing()
        super().on_headers_complete()
        if len(self.pipeline) > _MAX_AHEAD:
            self.transport.abort()  # an answer would come amid those to the others

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished, self._is_whole = 0, True
        self._expect_nothing()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_after(_STALL_SECONDS)
        elif not self._is_whole and not self.pipeline and self.cycle.response_complete:
            self._abort_after(_REST_SECONDS)

    # Refusals

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it says nothing to do
        self._refuse(self._why.status, code=self._why.code, detail=self._why.detail)

    def _refuse(self, status: int, *, code: str, detail: str) -> None:
        """Answer, and read on for a moment: a client that still sends would not see the answer."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # amid another answer, or a body
            return
        self._is_refused, self._unfinished = True, 0
        self._unset_keepalive_if_required()
        body = bytes(problem(status, code, detail).body)
        head = (
            b"content-type: application/problem+json\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n" % len(body)
        )
        self.transport.write(STATUS_LINE[status] + head + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._abort_after(_REST_SECONDS)


def allow_connections(most: int) -> None:
    """Let this process have as many files open as connections, and what else it needs, as far as
    the system lets it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * most + 512
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
