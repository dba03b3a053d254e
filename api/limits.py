"""ASGI middleware: bodies are counted while they stream in."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from core.settings import Settings

#: A JSON body has no business being larger.
MAX_JSON_BYTES = 8 * 2**20
_DATASETS, _CHECKPOINTS = "/v1/datasets", "/v1/checkpoints"
#: What a form adds around a file.
_FORM_BYTES = 2**16


class _BodyTooLarge(Exception):
    pass


class Limits:
    """Refuses bodies above the limit with 413, whatever their Content-Length says."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].rstrip("/")
        limit = MAX_JSON_BYTES
        if path == _DATASETS:
            limit = self._settings.max_upload_bytes
        elif path == _CHECKPOINTS:
            limit = self._settings.max_checkpoint_bytes + _FORM_BYTES
        received, started = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
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
            answer = problem(413, "body_too_large", f"The body is larger than {limit} bytes.")
            await answer(scope, receive, send)
