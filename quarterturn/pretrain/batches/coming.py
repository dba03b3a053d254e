"""What coming steps need, made by threads before it is due."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Coming(Generic[Made]):
    """What `make` makes of each of `steps`, in their order; to be closed.

    Args:
        ahead: how many are being made or wait to be taken.
        name: of the threads.
    """

    def __init__(
        self, make: Callable[[int], Made], steps: range, ahead: int, *, name: str, threads: int = 1
    ) -> None:
        self._make, self._to_ask = make, deque(steps)
        self._asked: deque[tuple[int, Future[Made]]] = deque()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        for _ in range(ahead):
            self._ask()

    def _ask(self) -> None:
        if self._to_ask:
            step = self._to_ask.popleft()
            self._asked.append((step, self._threads.submit(self._make, step)))

    def take(self, step: int) -> Made:
        """What was made of the next step.

        Raises:
            ValueError: another one is next.
            Whatever `make` raised.
        """
        due, made = self._asked.popleft()
        if due != step:
            raise ValueError(f"step {due} is next, not {step}")
        found = made.result()
        self._ask()
        return found

    def close(self) -> None:
        """End the threads; what is not begun is not made."""
        self._threads.shutdown(wait=True, cancel_futures=True)
