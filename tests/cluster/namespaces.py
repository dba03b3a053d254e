"""Machines on one machine: network namespaces that share a switch, and links that can be cut.

Linux only, and root: others see `why_not`.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

_CLONE_NEWNET = 0x40000000
_NET = "10.99.0"


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def why_not() -> str | None:
    """Why no namespaces can be made here; None if they can."""
    if sys.platform != "linux":
        return "network namespaces are a feature of Linux"
    if shutil.which("ip") is None:
        return "there is no `ip`; install iproute2"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Network("probe"):
            return None
    except OSError as error:
        return f"network namespaces cannot be made: {error}"


class Network:
    """A switch and machines around it: `node/N` has the address `10.99.0.N+1`, in order."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._prefix = f"qt{os.getpid()}-"
        self._switch = f"{self._prefix}switch"
        self._made: list[str] = []

    def _namespace(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def address(self, name: str) -> str:
        return f"{_NET}.{self._names.index(name) + 1}"

    def __enter__(self) -> Self:
        try:
            self._add(self._switch)
            _ip("-n", self._switch, "link", "add", "switch", "type", "bridge")
            _ip("-n", self._switch, "link", "set", "switch", "up")
            for name in self._names:
                self._plug_in(name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _add(self, namespace: str) -> None:
        _ip("netns", "add", namespace)
        self._made.append(namespace)

    def _plug_in(self, name: str) -> None:
        own = self._namespace(name)
        self._add(own)
        peer = ["peer", "name", name, "netns", self._switch]
        _ip("-n", own, "link", "add", "eth0", "type", "veth", *peer)
        _ip("-n", self._switch, "link", "set", name, "master", "switch", "up")
        _ip("-n", own, "address", "add", f"{self.address(name)}/24", "dev", "eth0")
        for link in ("eth0", "lo"):
            _ip("-n", own, "link", "set", link, "up")

    def cut(self, name: str) -> None:
        """From now on no packet comes to the machine or from it."""
        _ip("-n", self._switch, "link", "set", name, "down")

    def restore(self, name: str) -> None:
        """Undo `cut`."""
        _ip("-n", self._switch, "link", "set", name, "up")

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """What this thread starts or connects to in the block is on that machine."""
        libc = ctypes.CDLL(None, use_errno=True)
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self._namespace(name)}", os.O_RDONLY)
        try:
            if libc.setns(there, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            libc.setns(before, _CLONE_NEWNET)
            os.close(before)
            os.close(there)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._made:
            _ip("netns", "delete", self._made.pop())
