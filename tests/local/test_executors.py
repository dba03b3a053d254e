"""Where trials run: every executor gives the results of this process, and survives its deaths."""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import loky
import psutil
import pytest
import submitit
from distributed import Client, LocalCluster

from quarterturn.local import FinishedTrial
from quarterturn.processes import Processes, WorkerDiedError
from tests.local.making import scores_of, small_search
from tests.service.waiting import until


@pytest.fixture(scope="module")
def expected(animals: Path) -> dict[tuple[str, int], float]:
    """The scores of a search in this process."""
    return scores_of(small_search(animals).run())


def test_processes(animals: Path, expected: dict[Any, float]) -> None:
    assert scores_of(small_search(animals, n_workers=2).run()) == expected


def test_threads_of_the_standard_library(
    animals: Path, tmp_path: Path, expected: dict[Any, float]
) -> None:
    with futures.ThreadPoolExecutor(1) as executor:
        result = small_search(animals, tmp_path, executor=executor, n_workers=2).run()
    assert scores_of(result) == expected


def test_loky(animals: Path, tmp_path: Path, expected: dict[Any, float]) -> None:
    executor = loky.get_reusable_executor(max_workers=1)
    try:
        result = small_search(animals, tmp_path, executor=executor, n_workers=2).run()
    finally:
        executor.shutdown(wait=True)
    assert scores_of(result) == expected


def test_dask(animals: Path, tmp_path: Path, expected: dict[Any, float]) -> None:
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        executor = client.get_executor()  # type: ignore[no-untyped-call]
        result = small_search(animals, tmp_path, executor=executor, n_workers=2).run()
    assert scores_of(result) == expected


def test_submitit(animals: Path, tmp_path: Path, expected: dict[Any, float]) -> None:
    executor = submitit.AutoExecutor(tmp_path / "jobs", cluster="local")
    executor.update_parameters(timeout_min=5)
    result = small_search(
        animals, tmp_path / "kept", executor=executor, n_workers=2, budget="trials=2"
    ).run()
    kept = {place: expected[place] for place in scores_of(result)}
    assert len(kept) == 2
    assert scores_of(result) == kept


def _die_once(marker: str) -> str:
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def test_a_killed_process_fails_its_own_call_alone(tmp_path: Path) -> None:
    processes = Processes(2)
    try:
        slow = processes.submit(time.sleep, 2.0)
        dying = processes.submit(_die_once, str(tmp_path / "marker"))
        with pytest.raises(WorkerDiedError):
            dying.result(60)
        assert processes.submit(_die_once, str(tmp_path / "marker")).result(60) == "done"
        assert slow.result(60) is None
    finally:
        processes.end()


def test_a_search_goes_on_after_its_processes_were_killed(
    animals: Path, tmp_path: Path, expected: dict[Any, float]
) -> None:
    killed = []

    def kill(_: FinishedTrial) -> None:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):  # one that has just ended
                if "quarterturn.processes.worker" in child.cmdline() and not killed:
                    child.kill()
                    killed.append(child.pid)

    result = small_search(animals, tmp_path, n_workers=2, callbacks=[kill]).run()
    assert killed
    assert {trial.record.state for trial in result.trials} == {"completed"}
    assert scores_of(result) == expected


_SCRIPT = """
import sys
from quarterturn import Search
search = Search(
    sys.argv[1], space="rand-augment", strategy={"kind": "random", "candidates": 2},
    iterations=int(sys.argv[3]), seeds=1, encoder="resnet_tiny", batch_size=16, n_workers=2,
    scoring={"probe_train_images": 64, "probe_test_images": 64}, folder=sys.argv[2],
)
print(search.run().policy.name)
"""


def test_a_script_needs_no_guard(animals: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    command = [sys.executable, str(script), str(animals), str(tmp_path / "kept"), "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "kept" / "trials.jsonl").read_text().count("\n") == 8


def test_a_killed_search_leaves_no_process_behind(animals: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    command = [sys.executable, str(script), str(animals), str(tmp_path / "kept"), "100000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def workers() -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(process.pid).children()
            if "quarterturn.processes.worker" in child.cmdline()
        ]

    children = until(lambda: found if len(found := workers()) == 2 else None, 120)
    process.kill()
    process.wait()
    until(lambda: True if not any(_runs(child) for child in children) else None, 60)


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
