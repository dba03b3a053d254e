"""Clients that send heads without an end, slowly or never, and connections in numbers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from api.connections import MAX_HEAD_BYTES, MAX_HEADERS, MAX_URL_BYTES
from core.settings import Settings, get_settings
from tests.hostile.serving import serving, url_of, whole_answer

_MOST = 20
_HOST = b"Host: 127.0.0.1\r\n"


@pytest.fixture
def address(database: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setenv("QUARTERTURN_HEAD_SECONDS", "0.5")
    monkeypatch.setenv("QUARTERTURN_MAX_CONNECTIONS", str(_MOST))
    get_settings.cache_clear()
    with serving() as address:
        yield address


def _connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=30)


def _sent(address: tuple[str, int], parts: Iterator[bytes]) -> bytes:
    """The answer to a request that is sent on while the answer is read."""
    with _connect(address) as connection:

        def send() -> None:
            with contextlib.suppress(OSError):
                for part in parts:
                    connection.sendall(part)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        answer = whole_answer(connection)
        sender.join()
    return answer


def _endless(first: bytes, part: bytes) -> Iterator[bytes]:
    yield first
    for _ in range(200):
        yield part * (2**17 // len(part))


@pytest.mark.parametrize(
    ("first", "part", "status", "code"),
    [
        (b"GET /healthz HTTP/1.1\r\n" + _HOST + b"X: ", b"x", 431, b"head_too_long"),
        (b"GET /healthz HTTP/1.1\r\n" + _HOST, b"X: y\r\n", 431, b"head_too_long"),
        (b"GET /healthz HTTP/1.1\r\n" + _HOST, b"name", 431, b"head_too_long"),
        (b"GET /", b"x", 414, b"url_too_long"),
        (b"GET /?", b"x=1&", 414, b"url_too_long"),
        (b"", b"\r\n", 431, b"head_too_long"),
    ],
    ids=["value", "fields", "name", "path", "query", "blank lines"],
)
def test_a_head_without_an_end_is_refused(
    address: tuple[str, int], first: bytes, part: bytes, status: int, code: bytes
) -> None:
    answer = _sent(address, _endless(first, part))
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert b'"' + code + b'"' in answer
    assert httpx.get(f"{url_of(address)}/healthz", timeout=60).is_success


@pytest.mark.parametrize(
    "part",
    [b"1;" + b"x" * 2**17, b"0\r\n" + b"T: " + b"x" * 2**17],
    ids=["of a part", "trailers"],
)
def test_what_surrounds_a_body_has_an_end_too(address: tuple[str, int], part: bytes) -> None:
    head = b"POST /v1/jobs HTTP/1.1\r\n" + _HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    answer = _sent(address, iter([head, b"2\r\n{}\r\n", *[part] * 200]))
    assert not answer.startswith(b"HTTP/1.1 2")
    assert httpx.get(f"{url_of(address)}/healthz", timeout=60).is_success


def test_heads_within_the_limits_are_served(address: tuple[str, int]) -> None:
    url = f"{url_of(address)}/healthz"
    fields = {f"X-{number}": "y" * 64 for number in range(MAX_HEADERS - 10)}
    assert httpx.get(url, headers=fields).is_success
    assert httpx.get(url, headers={"X": "y" * (MAX_HEAD_BYTES - 1000)}).is_success
    assert httpx.get(f"{url}?x={'y' * (MAX_URL_BYTES - 20)}").is_success
    # One connection for all, with bodies between: nothing is counted twice.
    with httpx.Client(timeout=60) as client:
        for _ in range(5):
            assert client.get(url, headers={"X": "y" * 8000}).is_success
            asked = client.post(f"{url[:-8]}/v1/jobs", content=b" " * 50_000)
            assert asked.status_code in (400, 415, 422), asked.text


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET /healthz HTTP/1.1\r\nHost: 127"])
def test_silent_connections_are_ended(address: tuple[str, int], sent: bytes) -> None:
    with _connect(address) as connection:
        connection.sendall(sent)
        answer = whole_answer(connection)
    assert answer == b"" or (answer.startswith(b"HTTP/1.1 408 ") and b"request_too_slow" in answer)
    assert bool(answer) == sent.startswith(b"GET")


def test_a_served_connection_that_falls_silent_amid_the_next_request_is_ended(
    address: tuple[str, int],
) -> None:
    with _connect(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + _HOST + b"\r\n")
        connection.sendall(b"\r\nGET /he")
        answer = whole_answer(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_body_that_nobody_waits_for_does_not_hold_its_connection(
    address: tuple[str, int],
) -> None:

    with _connect(address) as connection:
        connection.sendall(
            b"POST /v1/jobs HTTP/1.1\r\n"
            + _HOST
            + b"Origin: http://elsewhere\r\nContent-Length: 1000000\r\n\r\nx"
        )
        assert whole_answer(connection).startswith(b"HTTP/1.1 403 ")


def test_many_connections_give_way_to_who_asks_something(address: tuple[str, int]) -> None:
    silent = [_connect(address) for _ in range(3 * _MOST)]
    for connection in silent[-_MOST:]:
        connection.sendall(b"GET / HT")
    answer = httpx.get(f"{url_of(address)}/healthz", timeout=60)
    assert answer.is_success
    for connection in silent:
        whole_answer(connection)
        connection.close()


def test_requests_sent_ahead_are_bounded(address: tuple[str, int]) -> None:
    request = b"GET /readyz HTTP/1.1\r\n" + _HOST + b"\r\n"
    answer = _sent(address, iter([request * 5000]))
    assert answer.count(b"HTTP/1.1 ") < 100


def test_what_is_no_http_is_answered_in_a_sentence(address: tuple[str, int]) -> None:
    answer = _sent(address, iter([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"bad_request"' in answer
