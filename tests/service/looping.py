"""Loops of their own, for tests of what runs in one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_apart(steps: Coroutine[Any, Any, None]) -> None:
    """Run it in another thread: a browser that an earlier test opened runs a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, steps).result()
