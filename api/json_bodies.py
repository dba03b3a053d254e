"""ASGI middleware: JSON bodies of a fair depth and fair lengths, before anything walks them."""

from __future__ import annotations

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import answer_to, problem
from quarterturn.errors import InvalidInputError

MAX_DEPTH = 32
MAX_LENGTH = 10_000
_FORMS = (b"multipart/form-data", b"application/x-www-form-urlencoded")


def check(document: Any) -> None:
    """Refuse a document that is too deep, or has a list or an object that is too long.

    Raises:
        InvalidInputError: `json_too_complex`.
    """
    waiting = [(document, 1)]
    while waiting:
        node, depth = waiting.pop()
        if not isinstance(node, list | dict):
            continue
        if depth > MAX_DEPTH or len(node) > MAX_LENGTH:
            raise InvalidInputError(
                f"The body is nested deeper than {MAX_DEPTH} levels, or has a list or an object "
                f"of more than {MAX_LENGTH} entries. Send less.",
                code="json_too_complex",
            )
        waiting.extend((child, depth + 1) for child in _children(node))


def _children(node: list[Any] | dict[str, Any]) -> list[Any]:
    return node if isinstance(node, list) else list(node.values())


def _whole(number: str) -> int:
    # Longer ones cost quadratic time to read, and fit nowhere.
    if len(number) > 400:
        raise InvalidInputError("A number has more than 400 digits.", code="json_too_complex")
    return int(number)


class JsonBodies:
    """Reads every body that is no form, which `api.limits` keeps small, and hands it on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", []))
        kind = headers.get(b"content-type", b"").strip().lower()
        has_body = b"content-length" in headers or b"transfer-encoding" in headers
        if scope["type"] != "http" or not has_body or kind.startswith(_FORMS):
            await self._app(scope, receive, send)
            return
        parts: list[bytes] = []
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                break
        if message["type"] == "http.disconnect":
            return
        body = b"".join(parts)
        try:
            check(json.loads(body, parse_int=_whole))
        except InvalidInputError as error:
            await answer_to(error)(scope, receive, send)
            return
        except RecursionError:
            answer = problem(422, "json_too_complex", "The body is nested far too deep. Send less.")
            await answer(scope, receive, send)
            return
        except ValueError:
            pass  # no JSON; the route says so, if it wants any
        replayed = False

        async def again() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)
