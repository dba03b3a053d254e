"""The API on a real port of this process, as `quarterturn api` serves it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.app import create_app
from api.connections import GuardedProtocol


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """The address, while it is served with the settings of this moment."""
    config = uvicorn.Config(
        create_app(), http=GuardedProtocol, ws="none", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


def whole_answer(connection: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    parts = []
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def url_of(address: tuple[str, int]) -> str:
    """The address as clients take it."""
    host, port = address
    return f"http://{host}:{port}"
