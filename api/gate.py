"""ASGI middleware: the one gate. Who asks, from where, how often, and whether they may.

It stands before everything else, so that nothing of a request that is refused is read. Every path
needs a key unless it is listed here. Reading needs the scope `read`, all else `write`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote, urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import answer_to
from core.access.binding import is_loopback
from core.access.keys import KEYLESS, Caller, authenticate, keys_exist
from core.access.known import KnownCallers
from core.access.rates import RateLimits
from core.queue import broker_url
from core.settings import Settings
from core.store.database import statement_scope
from quarterturn.errors import BadRequestError, ForbiddenError, QuarterturnError, UnauthorizedError

#: The cookie of the pages.
COOKIE = "quarterturn_key"
SIGN_IN = "/sign-in"
#: Methods that only read.
SAFE = ("GET", "HEAD", "OPTIONS")
#: Not even counted: health is asked for by machines, static files are the same for all.
_FREE = ("/static/", "/healthz", "/livez", "/readyz")
_PUBLIC = (SIGN_IN, "/sign-out", "/docs", "/openapi.json")
_KEYS = "/v1/keys"
#: Of all owners.
_METRICS = "/metrics"
#: Asked by POST, but nothing changes.
_READ_BY_POST = ("/v1/search-spaces/validate",)


def _is_under(path: str, places: tuple[str, ...]) -> bool:
    return any(
        path == place or (place.endswith("/") and path.startswith(place)) for place in places
    )


def scope_of(method: str, path: str) -> str:
    """The scope that a request needs."""
    if _is_under(path, (_KEYS, f"{_KEYS}/", _METRICS)):
        return "admin"
    return "read" if method in SAFE or path in _READ_BY_POST else "write"


def _token(request: Request) -> tuple[str | None, bool]:
    """The key, and whether it came as a cookie."""
    header = request.headers.get("authorization")
    if header is not None:
        kind, _, token = header.partition(" ")
        return (token.strip() if kind.lower() == "bearer" else ""), False
    return request.cookies.get(COOKIE), True


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _refuse_foreign_pages(request: Request, allowed: Sequence[str]) -> None:
    """A page of another site must not act here, with the reader's cookie or without any key; one
    that the operator allows may, with a key of its own.
    """
    origin = request.headers.get("origin")
    if request.method in SAFE or origin is None:
        return
    if origin in allowed and "authorization" in request.headers:
        return
    if _host_of(origin) != request.headers.get("host", "").lower():
        raise ForbiddenError(
            "The request comes from a page of another site. Call the API from a program, or from "
            "this server's own pages. A proxy before it must pass the header Host on; see "
            "docs/deployment.md.",
            code="cross_site",
        )


#: A name or an address, and a port.
_HOST = re.compile(r"([A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")


def _refuse_bad_host(request: Request) -> None:
    """What is made of the header, such as links, is made of something that can be read."""
    if not _HOST.fullmatch(request.headers.get("host", "")):
        raise BadRequestError(
            "The header Host is no name with a port. Send the address that you call.",
            code="bad_request",
        )


def _host_of(address: str) -> str | None:
    """Host and port of an address that anybody may have written."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return None


#: What proxies add to a request of somebody else.
_FORWARDED = ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")


def _is_forwarded(request: Request) -> bool:
    """Whether a proxy passed the request on. Those that add nothing to it, such as nginx where it
    is not told to, speak HTTP/1.0, which nobody else does.
    """
    names = request.headers.keys()
    added = any(name in _FORWARDED or name.startswith("x-forwarded") for name in names)
    return added or request.scope.get("http_version") == "1.0"


def _refuse_from_afar(request: Request) -> None:
    """Without keys nobody else is served: neither over another address, nor by a name that somebody
    else points at this machine, nor through a proxy on it.
    """
    served = request.scope.get("server")
    elsewhere = served is not None and served[1] is not None and not is_loopback(served[0])
    try:
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        name = ""
    if _is_forwarded(request):
        raise ForbiddenError(
            "Without keys the server answers no request that a proxy passes on: it may be of "
            "anybody. Make a key with `quarterturn keys create NAME` and send it.",
            code="keys_required",
        )
    if elsewhere or not is_loopback(name):
        raise ForbiddenError(
            "Without keys the server answers at 127.0.0.1 and localhost only. Make a key with "
            "`quarterturn keys create NAME` and send it.",
            code="keys_required",
        )


class Gate:
    """Puts the `Caller` into `request.state.caller`, or answers 401, 403 or 429."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._rates: RateLimits | None = None
        self._keys_exist = False
        self._known = KnownCallers()

    def _limit(self, limit: str, kind: str, name: str) -> None:
        if self._rates is None:
            self._rates = RateLimits(broker_url(self._settings))
        self._rates.hit(limit, kind, name)

    def _at_once(self, request: Request) -> Caller | None:
        """The caller, if neither the database nor Redis has to be asked; None does not refuse."""
        # Not request.url.path: that is made from the Host header too, which anybody may write.
        path, settings = str(request.scope["path"]), self._settings
        if _is_under(path, _FREE):
            return KEYLESS
        if request.method not in SAFE or _is_under(path, _PUBLIC) or self._rates is None:
            return None
        token, by_cookie = _token(request)
        caller = self._known.get(token) if token else None
        if caller is None or scope_of(request.method, path) not in caller.scopes:
            return None
        assert caller.key_id is not None
        counted = (
            (settings.rate_limit_per_address, "address", _address(request)),
            (settings.rate_limit_per_key, "key", caller.key_id),
        )
        return replace(caller, by_cookie=by_cookie) if self._rates.taken(counted) else None

    def _admit(self, request: Request) -> Caller:
        path, settings = str(request.scope["path"]), self._settings
        _refuse_foreign_pages(request, settings.cors_origins)
        if not self._keys_exist:  # once there is one there always is: keys are never deleted
            with statement_scope() as session:
                self._keys_exist = keys_exist(session)
        if not self._keys_exist:
            _refuse_from_afar(request)
            if _is_under(path, (_KEYS, f"{_KEYS}/")):
                raise ForbiddenError(
                    "The first key is made on the command line: `quarterturn keys create NAME "
                    "--scope admin`.",
                    code="keys_required",
                )
            return KEYLESS
        self._limit(settings.rate_limit_per_address, "address", _address(request))
        if _is_under(path, _PUBLIC):
            return KEYLESS
        return self._checked(request, scope_of(request.method, path))

    def _checked(self, request: Request, scope: str) -> Caller:
        token, by_cookie = _token(request)
        if not token:
            raise UnauthorizedError(
                "A key is needed: send `Authorization: Bearer KEY`. In a browser, sign in at "
                f"{SIGN_IN}.",
                code="key_required",
            )
        asked = time.monotonic()
        with statement_scope() as session:
            caller = authenticate(session, token)
        self._known.keep(token, caller, asked)
        assert caller.key_id is not None
        self._limit(self._settings.rate_limit_per_key, "key", caller.key_id)
        if request.method not in SAFE:
            limit = self._settings.rate_limit_writes_per_key
            self._limit(limit, "key (writes)", caller.key_id)
        if scope not in caller.scopes:
            raise ForbiddenError(
                f"This needs the scope `{scope}`, which your key does not have. Use another key.",
                code="scope_missing",
            )
        return replace(caller, by_cookie=by_cookie)

    def _refusal(self, request: Request, error: QuarterturnError) -> Response:
        page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        if isinstance(error, UnauthorizedError) and page and "fragment" not in request.query_params:
            query = request.scope.get("query_string", b"").decode("latin-1")
            wanted = str(request.scope["path"]) + (f"?{query}" if query else "")
            return RedirectResponse(f"{SIGN_IN}?next={quote(wanted, safe='/')}", 303)
        return answer_to(error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            _refuse_bad_host(request)
            caller = self._at_once(request) or await run_in_threadpool(self._admit, request)
        except (QuarterturnError, SQLAlchemyError) as error:
            refused = error if isinstance(error, QuarterturnError) else None
            answer = self._refusal(request, refused) if refused else answer_to(error)
            await answer(scope, receive, send)
            return
        request.state.caller = caller
        await self._app(scope, receive, send)
