"""What many ask for is made by one."""

from __future__ import annotations

import threading
import time

from core.sharing import Shared


def _slow(made: list[str], value: str, seconds: float = 0.05) -> str:
    time.sleep(seconds)
    made.append(value)
    return value


def test_while_nothing_changes_it_is_made_once() -> None:
    shared: Shared[str] = Shared(kept=4, oldest=0.0)
    made: list[str] = []
    for _ in range(3):
        assert shared.get("job", "v1", "running", lambda: _slow(made, "v1")) == "v1"
    assert made == ["v1"]
    assert shared.get("job", "v2", "running", lambda: _slow(made, "v2")) == "v2"


def test_what_changes_fast_may_be_a_little_old_but_not_of_another_state() -> None:
    shared: Shared[str] = Shared(kept=4, oldest=10.0)
    made: list[str] = []
    assert shared.get("job", "v1", "running", lambda: _slow(made, "v1")) == "v1"
    assert shared.get("job", "v2", "running", lambda: _slow(made, "v2")) == "v1"
    assert shared.get("other", "v2", "running", lambda: _slow(made, "other")) == "other"
    assert shared.get("job", "v3", "completed", lambda: _slow(made, "v3")) == "v3"
    shared = Shared(kept=4, oldest=0.01)
    shared.get("job", "v1", "running", lambda: _slow(made, "v1"))
    time.sleep(0.02)
    assert shared.get("job", "v2", "running", lambda: _slow(made, "v2")) == "v2"


def test_those_who_come_meanwhile_wait_for_the_first_and_take_what_it_made() -> None:
    shared: Shared[str] = Shared(kept=4, oldest=10.0)
    made: list[str] = []
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(
                shared.get("job", "v1", "running", lambda: _slow(made, "v1", 0.2))
            )
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["v1"]
    assert found == ["v1"] * 8


def test_an_error_is_no_result() -> None:
    shared: Shared[str] = Shared(kept=1, oldest=10.0)

    def fails() -> str:
        raise ValueError

    for _ in range(2):
        try:
            shared.get("job", "v1", "running", fails)
        except ValueError:
            continue
        raise AssertionError
    assert shared.get("job", "v1", "running", lambda: "made") == "made"
