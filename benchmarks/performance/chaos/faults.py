"""What a chaos run does to a running stack: each fault is one function of the stack."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import psutil
from redis import Redis

from core.dispatch import send
from core.embedded.stack import Stack
from core.placement import QUEUES

#: Longer than the lease of a chaos run: whoever sleeps so long has lost its trial.
_FROZEN_SECONDS = 6.0


def _processes(stack: Stack, *ending: str) -> Iterator[psutil.Process]:
    """Processes of this stack whose command line ends so."""
    for process in psutil.process_iter(["cmdline"]):
        if tuple(process.info["cmdline"] or ())[-len(ending) :] == ending:
            try:
                folder = process.environ().get("QUARTERTURN_DATA_DIR")
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if folder == str(stack.data_dir):
                yield process


def _workers(stack: Stack, *, children: bool) -> list[psutil.Process]:
    """The processes that run trials, or those that started them."""
    found = list(_processes(stack, "quarterturn", "worker"))
    pids = {process.pid for process in found}
    return [process for process in found if (process.ppid() in pids) == children]


def database_processes(stack: Stack, name: str) -> list[psutil.Process]:
    """The first process of the embedded server, if it runs; its Redis may be a Valkey."""
    names = ("redis", "valkey") if name == "redis" else (name,)
    found = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"].startswith(names)
        and str(stack.data_dir) in str(process.info["cmdline"])
    ]
    return sorted(found, key=lambda process: process.pid)[:1]


def redis_of(stack: Stack) -> Redis:
    """The broker of an embedded stack."""
    return Redis(unix_socket_path=str(stack.data_dir / "redis" / "redis.sock"))


def _kill(processes: list[psutil.Process], draw: random.Random) -> bool:
    if not processes:
        return False
    draw.choice(processes).kill()
    return True


def _freeze(stack: Stack, draw: random.Random) -> bool:
    victims = _workers(stack, children=True)
    if not victims:
        return False
    victim = draw.choice(victims)
    victim.suspend()

    def wake() -> None:
        time.sleep(_FROZEN_SECONDS)
        with suppress(psutil.NoSuchProcess):
            victim.resume()

    threading.Thread(target=wake, daemon=True).start()
    return True


def _wake(stack: Stack) -> None:
    """Let whoever is still frozen go on: it hears no signal, and would outlive the stack."""
    for process in _processes(stack, "quarterturn", "worker"):
        with suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_STOPPED:
                process.resume()


def _flush(stack: Stack, _: random.Random) -> bool:
    redis_of(stack).flushall()
    return True


def _lose_a_message(stack: Stack, draw: random.Random) -> bool:
    waiting = cast("list[bytes]", redis_of(stack).lrange(QUEUES[0], 0, -1))
    if not waiting:
        return False
    redis_of(stack).lrem(QUEUES[0], 1, draw.choice(waiting).decode())
    return True


def _terminate(stack: Stack, draw: random.Random) -> bool:
    victims = _workers(stack, children=False)
    if not victims:
        return False
    draw.choice(victims).terminate()
    return True


Fault = Callable[[Stack, random.Random], bool]

#: Each says whether there was anything to break. `duplicate messages` needs ids; see `Chaos`.
FAULTS: dict[str, Fault] = {
    "worker killed in a trial": lambda stack, draw: _kill(_workers(stack, children=True), draw),
    "worker killed with its parent": lambda stack, draw: _kill(
        _workers(stack, children=False), draw
    ),
    "worker terminated": _terminate,
    "worker frozen": _freeze,
    "PostgreSQL killed": lambda stack, draw: _kill(database_processes(stack, "postgres"), draw),
    "Redis killed": lambda stack, draw: _kill(database_processes(stack, "redis"), draw),
    "Redis flushed": _flush,
    "message lost": _lose_a_message,
    "API killed": lambda stack, draw: _kill(list(_processes(stack, "quarterturn", "api")), draw),
}


class Chaos:
    """Breaks something every few seconds, in an order drawn from a seed, until stopped.

    Faults come in rounds, each kind once a round: no run is without one of them for long.
    """

    def __init__(self, stack: Stack, trials: Callable[[], list[str]], seed: int, period: float):
        self._stack, self._trials, self._period = stack, trials, period
        self._draw = random.Random(seed)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.injected: Counter[str] = Counter()

    def __enter__(self) -> Chaos:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stopped.set()
        self._thread.join()
        _wake(self._stack)

    def _duplicate(self) -> bool:
        """Messages of any trials of the job, whatever their state, once more."""
        known = self._trials()
        for trial in self._draw.sample(known, min(20, len(known))):
            send(trial, QUEUES[0])
        return bool(known)

    def _round(self) -> list[str]:
        names = [*FAULTS, "messages doubled"]
        self._draw.shuffle(names)
        return names

    def _run(self) -> None:
        coming: list[str] = []
        while not self._stopped.wait(self._period * self._draw.uniform(0.5, 1.5)):
            coming = coming or self._round()
            name = coming.pop()
            try:
                if name == "messages doubled":
                    done = self._duplicate()
                else:
                    done = FAULTS[name](self._stack, self._draw)
            except Exception as error:  # what it was to break is broken already
                print(f"  {name}: not now ({type(error).__name__})", flush=True)
                continue
            if done:
                self.injected[name] += 1
                print(f"  {name}", flush=True)
            else:
                coming.insert(0, name)  # there was nothing to break; at the end of the round again
