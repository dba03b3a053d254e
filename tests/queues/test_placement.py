"""Which queue a job's trials go into, and which workers take from it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.placement import QUEUES, Capability, queue_for, queue_of
from quarterturn.errors import InvalidInputError
from quarterturn.search.spec import parse_search
from quarterturn.search.worker import WorkerAsk
from workers.capability import detect

GIB = 2**30
CPU = Capability("cpu")
#: As drivers report them.
T4, RTX_4090, H100 = (Capability("cuda", int(gib * GIB)) for gib in (14.56, 23.52, 79.1))


@pytest.mark.parametrize(
    ("ask", "served_by"),
    [
        ({}, [CPU, T4, RTX_4090, H100]),
        ({"device": "any"}, [CPU, T4, RTX_4090, H100]),
        ({"device": "cpu"}, [CPU]),
        ({"device": "cuda"}, [T4, RTX_4090, H100]),
        ({"gpu_memory_gib": 16}, [T4, RTX_4090, H100]),
        ({"device": "cuda", "gpu_memory_gib": 20}, [RTX_4090, H100]),
        ({"gpu_memory_gib": 24}, [RTX_4090, H100]),
        ({"gpu_memory_gib": 25}, [H100]),
        ({"gpu_memory_gib": 80}, [H100]),
        ({"gpu_memory_gib": 81}, []),
    ],
)
def test_who_serves_what(ask: dict[str, Any], served_by: list[Capability]) -> None:
    queue = queue_of(ask)
    assert queue in QUEUES
    assert [c for c in (CPU, T4, RTX_4090, H100) if queue in c.queues()] == served_by


def test_a_job_that_was_stored_before_asks_for_nothing() -> None:
    assert queue_of(None) == queue_for(WorkerAsk()) == "quarterturn.trials"


def test_a_worker_may_leave_jobs_that_ask_for_nothing_to_others() -> None:
    assert set(H100.queues()) - set(H100.queues(asked_only=True)) == {queue_for(WorkerAsk())}
    assert set(H100.queues()) <= set(QUEUES)


@pytest.mark.parametrize(
    "ask",
    [
        {"device": "tpu"},
        {"gpu_memory_gib": 0},
        {"gpu_memory_gib": 10_000},
        {"device": "cpu", "gpu_memory_gib": 8},
        {"memory": 1},
        "cuda",
    ],
)
def test_what_makes_no_sense_is_refused(ask: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_search({"worker": ask})
    assert caught.value.code == "invalid_job"
    assert caught.value.fields[0]["path"].startswith("$.worker")


def test_a_cpu_is_seen_as_one() -> None:
    assert detect("cpu") == CPU


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_seen_with_its_memory() -> None:
    found = detect("auto")
    assert found.device == "cuda"
    assert found.gpu_memory_bytes == torch.cuda.get_device_properties(0).total_memory
    assert any(queue.startswith("quarterturn.trials.cuda.") for queue in found.queues())
