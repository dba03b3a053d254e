"""Clients that send a body drop by drop, over a real socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from core.embedded.stack import Stack
from tests.conftest import FAST

_FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK'


@contextmanager
def _post(stack: Stack, path: str, length: int, kind: str) -> Iterator[socket.socket]:
    url = httpx.URL(stack.url)
    with socket.create_connection((url.host, url.port or 80), timeout=30) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )
        yield connection


def _answer(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/datasets"])
@pytest.mark.parametrize("drips", [True, False], ids=["drips", "stops"])
def test_a_body_that_comes_in_too_slowly_is_refused(stack: Stack, path: str, drips: bool) -> None:
    kind = "application/json" if path == "/v1/jobs" else "multipart/form-data; boundary=x"
    began = time.monotonic()
    with _post(stack, path, 100_000, kind) as connection:
        connection.settimeout(0.2)
        connection.sendall(_FILE if "form" in kind else b"{")
        while True:
            try:
                first = connection.recv(65536)
                break
            except TimeoutError:
                assert time.monotonic() - began < 30, "nobody ends this"
                if drips:
                    connection.sendall(b" ")
        connection.settimeout(10)
        text = first + _answer(connection)
    assert text.startswith(b"HTTP/1.1 408 "), text
    assert b'"body_too_slow"' in text
    assert time.monotonic() - began >= float(FAST["QUARTERTURN_BODY_SECONDS"])


def test_a_large_body_may_take_longer_if_it_keeps_its_pace(stack: Stack) -> None:
    """Beyond the time for small ones, in all. Each part buys many of its pauses: on a busy machine
    they are longer.
    """
    seconds = float(FAST["QUARTERTURN_BODY_SECONDS"])
    parts, size = 8, 128 * 2**10
    with _post(stack, "/v1/jobs", parts * size, "application/json") as connection:
        for _ in range(parts):
            connection.sendall(b" " * size)
            time.sleep(seconds / 5)
        text = connection.recv(65536)
    assert text.startswith(b"HTTP/1.1 400 "), "read to the end, and no JSON"
