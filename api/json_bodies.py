"""JSON bodies of a fair depth and length, and of not too many values, before anything walks them.

Bodies that describe searches may be large, and are read in the processes of `core.planner`; the
others are small (`api.limits`), and are read here.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import answer_to
from quarterturn.errors import InvalidInputError, InvalidJsonError

MAX_DEPTH = 32
MAX_LENGTH = 10_000
MAX_VALUES = 200_000
_FORMS = (b"multipart/form-data", b"application/x-www-form-urlencoded")
#: Read by `parse_json` in another process.
SEARCHES = ("/v1/jobs", "/v1/search-spaces/validate")


def _refuse(why: str) -> InvalidInputError:
    return InvalidInputError(f"The body {why}. Send less.", code="json_too_complex")


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
            raise _refuse(
                f"is nested deeper than {MAX_DEPTH} levels, or has a list or an object of more "
                f"than {MAX_LENGTH} entries"
            )
        waiting.extend((child, depth + 1) for child in _children(node))


def _children(node: list[Any] | dict[str, Any]) -> list[Any]:
    return node if isinstance(node, list) else list(node.values())


def _whole(number: str) -> int:
    # Longer ones cost quadratic time to read, and fit nowhere.
    if len(number) > 400:
        raise InvalidInputError("A number has more than 400 digits.", code="json_too_complex")
    return int(number)


def parse_json(body: bytes) -> Any:
    """The document of a body.

    Raises:
        InvalidInputError: `json_too_complex`. InvalidJsonError.
    """
    # Before it is parsed: each value but the first follows one of these.
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise _refuse(f"has more than {MAX_VALUES} values")
    try:
        document = json.loads(body, parse_int=_whole)
    except RecursionError:
        raise _refuse("is nested far too deep") from None
    except ValueError:
        raise InvalidJsonError("The body is not JSON. Check quotes and commas.") from None
    check(document)
    return document


class JsonBodies:
    """Receives every body that is no form, which `api.limits` keeps small, and hands it on."""

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
            if scope["path"] not in SEARCHES:
                parse_json(body)
        except InvalidJsonError:
            pass  # the route says so, if it wants any
        except InvalidInputError as error:
            await answer_to(error)(scope, receive, send)
            return
        replayed = False

        async def again() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)
