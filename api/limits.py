"""ASGI middleware: bodies are counted while they stream in, and timed."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.json_bodies import SEARCHES
from api.problems import problem
from core.settings import Settings

#: Of JSON that describes a search, which may list policies, and of any other body that is no file.
MAX_SEARCH_BYTES = 2 * 2**20
MAX_JSON_BYTES = 64 * 2**10
_DATASETS, _CHECKPOINTS = "/v1/datasets", "/v1/checkpoints"
#: What a form adds around a file.
_FORM_BYTES = 2**16


class _BodyTooLarge(Exception):
    pass


class _BodyTooSlow(Exception):
    pass


def _limit(path: str, is_form: bool, settings: Settings) -> int:
    """The largest body that a path takes, in bytes."""
    if path in SEARCHES:
        return MAX_SEARCH_BYTES
    if path == _DATASETS and is_form:
        return settings.max_upload_bytes
    if path == _CHECKPOINTS and is_form:
        return settings.max_checkpoint_bytes + _FORM_BYTES
    return MAX_JSON_BYTES


class _Patience:
    """Waits for the parts of a body: for a time in all, and for more with what has come. Only the
    waiting counts, not what is done between two parts.
    """

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self._receive = receive
        self._pace = settings.body_bytes_per_second
        self._left = settings.body_seconds

    async def next(self) -> Message:
        """The next part.

        Raises:
            _BodyTooSlow: it did not come in time.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            message = await asyncio.wait_for(self._receive(), self._left)
        except TimeoutError:
            raise _BodyTooSlow from None
        self._left += len(message.get("body", b"")) / self._pace - (loop.time() - began)
        return message


class Limits:
    """Refuses bodies above the limit with 413, whatever their Content-Length says, and those that
    come in too slowly with 408.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind = Headers(scope=scope).get("content-type", "").strip().lower()
        is_form = kind.startswith("multipart/form-data")
        limit = _limit(scope["path"].rstrip("/"), is_form, self._settings)
        received, started, whole = 0, False, False
        patience = _Patience(receive, self._settings)

        async def counted() -> Message:
            nonlocal received, whole
            if whole:  # waits for the client to leave
                return await receive()
            message = await patience.next()
            whole = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > limit:
                raise _BodyTooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _BodyTooLarge:
            if started:
                raise
            answer = problem(
                413, "body_too_large", f"The body is larger than {limit} bytes. Send less."
            )
            await answer(scope, receive, send)
        except _BodyTooSlow:
            if started:
                raise
            answer = problem(
                408,
                "body_too_slow",
                f"The body stopped after {received} bytes, or came in too "
                "slowly. Send it again over a better connection, or in smaller parts.",
            )
            answer.headers["Connection"] = "close"  # what else comes is the rest of this body
            await answer(scope, receive, send)
