"""The client over connections that are cut for real, by a proxy between it and the service."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.embedded.stack import Stack
from quarterturn import Client
from quarterturn.errors import UnavailableError
from tests.conftest import TINY_SEARCH


class Proxy:
    """Passes bytes on; each of `cuts` ends one connection, after so many bytes in a direction."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._server = (address.hostname or "", address.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts: list[tuple[str, int]] = []
        self.made = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, way: str, after: int, times: int = 1) -> None:
        """`way` is `up` (to the server) or `down`."""
        self.made = 0
        self.cuts = [(way, after)] * times

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                self.made += 1
                far = socket.create_connection(self._server)
                limit = self.cuts.pop(0) if self.cuts else ("", 0)
                for way, source, target in (("up", near, far), ("down", far, near)):
                    most = limit[1] if limit[0] == way else None
                    arguments = (source, target, most)
                    threading.Thread(target=self._pass, args=arguments, daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, most: int | None) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                passed += len(data)
                if most is not None and passed > most:
                    target.sendall(data[: len(data) - (passed - most)])
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    made = Proxy(stack.url)
    yield made
    made.close()


def test_reading_goes_on_after_two_cuts(proxy: Proxy, animal_dataset: str) -> None:
    proxy.cut("down", 40, times=2)
    with Client(proxy.url) as client:
        assert client.dataset(animal_dataset)["images"] > 500
    assert proxy.made == 3
    proxy.cut("down", 40, times=3)
    with Client(proxy.url) as client, pytest.raises(UnavailableError, match="does not answer"):
        client.dataset(animal_dataset)


def test_an_upload_that_is_cut_is_sent_again_from_its_beginning(
    proxy: Proxy, animals: Path, animal_dataset: str
) -> None:
    proxy.cut("up", animals.stat().st_size // 2)
    with Client(proxy.url) as client:
        assert client.upload(animals)["id"] == animal_dataset, "the same images, all of them"
    assert proxy.made == 2


def test_a_job_is_not_started_twice(proxy: Proxy, animal_dataset: str) -> None:
    search = {**TINY_SEARCH, "name": "started once"}
    with Client(proxy.url) as client:
        before = len(client.jobs())
        client.close()
    proxy.cut("down", 0)
    with Client(proxy.url) as client, pytest.raises(UnavailableError):
        client.start(animal_dataset, **search)
    with Client(proxy.url) as client:
        jobs = client.jobs()
        assert len(jobs) == before + 1, "it had arrived; the client cannot know, and says so"
        jobs[0].cancel()


def test_waiting_outlasts_cuts(proxy: Proxy, animal_dataset: str) -> None:
    with Client(proxy.url) as client:
        job = client.job(client.start(animal_dataset, **TINY_SEARCH)["id"])
    proxy.cut("down", 60, times=2)
    with Client(proxy.url) as client:
        assert client.job(job.id).wait(period=0.1).state == "completed"
    assert proxy.made >= 3
