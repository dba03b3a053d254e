"""The clock of PostgreSQL itself jumps, forward by hours and back, in the middle of a search."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.stack import Stack
from core.settings import Settings
from core.store.database import engine_for
from tests.conftest import FAST, TINY_SEARCH
from tests.service.waiting import until, until_state

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="libfaketime is preloaded")


class _Clock:
    """What libfaketime adds to the time; read again by every process within a second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.show("+0")

    def show(self, shift: str) -> None:
        partial = self._file.with_suffix(".partial")
        partial.write_text(f"{shift}\n")
        partial.chmod(0o644)  # PostgreSQL is somebody else
        partial.replace(self._file)


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Stack, _Clock]]:
    """A stack, and the clock of its PostgreSQL; all other processes have the right time."""
    import libfaketime

    _, preload = libfaketime.get_reload_information()
    with tempfile.TemporaryDirectory(prefix="quarterturn-clock-") as folder:
        Path(folder).chmod(0o755)
        clock = _Clock(Path(folder, "clock"))
        begin = EmbeddedPostgres.__enter__

        def begin_with_clock(self: EmbeddedPostgres) -> EmbeddedPostgres:
            with pytest.MonkeyPatch.context() as within:
                for name, value in preload.items():
                    within.setenv(name, value)
                within.setenv("FAKETIME_TIMESTAMP_FILE", str(clock._file))
                within.setenv("FAKETIME_CACHE_DURATION", "1")
                within.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                return begin(self)

        monkeypatch.setattr(EmbeddedPostgres, "__enter__", begin_with_clock)
        for name, setting in FAST.items():
            monkeypatch.setenv(name, setting)
        with Stack(Settings(data_dir=Path(folder, "data"), port=0)) as stack:
            yield stack, clock


def _ahead(stack: Stack) -> timedelta:
    with engine_for(stack._environment["QUARTERTURN_DATABASE_URL"]).connect() as connection:
        now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now - datetime.now(UTC)


def test_a_jump_of_the_clock_of_the_database_costs_at_most_a_retry(
    clocked: tuple[Stack, _Clock], animals: Path
) -> None:
    stack, clock = clocked
    with httpx.Client(base_url=stack.url, timeout=60, trust_env=False) as http:
        with animals.open("rb") as stream:
            dataset = http.post("/v1/datasets", files={"file": ("a.zip", stream)}).json()["id"]
        body = {"dataset_id": dataset, **TINY_SEARCH, "iterations": 120}
        job = http.post("/v1/jobs", json=body).json()["id"]

        def trials() -> list[Any]:
            found: list[Any] = http.get(f"/v1/jobs/{job}/trials").json()["items"]
            return found

        def completed() -> int:
            return sum(trial["state"] == "completed" for trial in trials())

        until(lambda: any(trial["state"] == "running" for trial in trials()), 60)
        clock.show("+3h")
        until(lambda: _ahead(stack) > timedelta(hours=2), 20)
        before = completed()
        until(lambda: completed() >= before + 2, 60)
        clock.show("+0")
        until(lambda: _ahead(stack) < timedelta(minutes=1), 20)
        until_state(http, job, "completed", seconds=120)
        ended = trials()
        assert [trial["state"] for trial in ended] == ["completed"] * 8
        assert max(trial["attempt"] for trial in ended) <= 2
        assert http.get(f"/v1/jobs/{job}/dashboard").json()["seconds_elapsed"] >= 0
