"""Requests to a server: sent again after a lost connection, refusals raised as errors."""

from __future__ import annotations

import time
from typing import Any

import httpx

from quarterturn.errors import QuarterturnError, UnavailableError

#: Between attempts, when a connection is lost.
_PAUSES_SECONDS = (0.2, 0.8)


class ServerError(QuarterturnError):
    """The server refused; `code` and `message` are its own."""


def _refusal(response: httpx.Response, url: str) -> QuarterturnError:
    away = response.status_code in (502, 503, 504)
    try:
        body = response.json()
        kind = UnavailableError if away else ServerError
        return kind(body["detail"], code=body["code"], fields=body.get("fields"))
    except (ValueError, KeyError, TypeError):
        if away:
            return UnavailableError(
                f"The server at {url} is not ready ({response.status_code}). Try again.",
                code="server_unreachable",
            )
        return ServerError(f"The server answered {response.status_code}.", code="server_error")


class Connection:
    """A server by its address; a key goes with every request."""

    def __init__(self, url: str, key: str | None, transport: httpx.BaseTransport | None) -> None:
        # trust_env off for loopback: a proxy cannot reach this machine's own server.
        local = httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(
            base_url=url, timeout=60.0, transport=transport, trust_env=not local
        )
        if key:
            self._http.headers["Authorization"] = f"Bearer {key}"
        self.url = url.rstrip("/")

    def close(self) -> None:
        self._http.close()

    def _sent(self, method: str, path: str, again: bool, options: dict[str, Any]) -> httpx.Response:
        for pause in _PAUSES_SECONDS:
            try:
                return self._http.request(method, path, **options)
            except httpx.ConnectError:
                time.sleep(pause)
            except httpx.TransportError:
                if not again:
                    raise
                time.sleep(pause)
        return self._http.request(method, path, **options)

    def request(
        self, method: str, path: str, *, again: bool = False, **options: Any
    ) -> httpx.Response:
        """The answer, if it is no error.

        Args:
            again: whether twice does no more than once, so that it may be sent again even if a
                lost request may have arrived; reading always is.
            options: those of `httpx.Client.request`.

        Raises:
            ServerError: the server refused.
            UnavailableError: `server_unreachable`, or what the server says that it lacks.
        """
        try:
            response = self._sent(method, path, again or method == "GET", options)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"The server at {self.url} does not answer ({error}). Is it running?",
                code="server_unreachable",
            ) from None
        if response.is_error:
            raise _refusal(response, self.url)
        return response

    def document(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """The answer as JSON."""
        return dict(self.request(method, path, **options).json())

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All entries of a listing, page by page."""
        found: list[dict[str, Any]] = []
        query = {"limit": 200, **query}
        while True:
            page = self.document("GET", path, params=query)
            found += page["items"]
            if page["next"] is None:
                return found
            query["after"] = page["next"]
