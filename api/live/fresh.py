"""ASGI middleware: who has changed something sees it in the next poll."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.gate import SAFE
from api.live.polls import polls


class Fresh:
    """Lets polls look anew before a request that may have changed something is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE:
            await self._app(scope, receive, send)
            return

        async def after_change(message: Message) -> None:
            if message["type"] == "http.response.start":
                polls.forget()
            await send(message)

        await self._app(scope, receive, after_change)
