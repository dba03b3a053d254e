"""Streaming and recorded steps on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from quarterturn.augment import RandomStreams
from quarterturn.augment.transfer import send
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.batches import preparing
from quarterturn.pretrain.batches.ahead import Ahead
from quarterturn.pretrain.batches.drawing import batch_of
from quarterturn.pretrain.batches.transfer import transfer_to
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.graphs.comparing import Compared, compare
from quarterturn.pretrain.graphs.recording import CudaRecorder
from quarterturn.pretrain.optimising import optimise
from quarterturn.pretrain.packs.training import train_pack
from quarterturn.score import probe
from tests.pretrain.making import POLICIES, made_up, members_of, nothing, small, trained

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]


@pytest.fixture(scope="module")
def data() -> TrialData:
    return made_up(400, "cuda:0")


@pytest.fixture
def without_waiting() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    yield
    torch.cuda.set_sync_debug_mode("default")


def test_streamed_batches_are_those_of_resident_images(data: TrialData) -> None:
    there, host = data.pretrain, data.pretrain.cpu()
    busy = torch.rand(2048, 2048, device="cuda")
    with Ahead(host, 64, [0, 1], range(40), transfer_to(there.device)) as ahead:
        for step in range(40):
            for seed, batch in ahead.take(step).items():
                # The device is far behind, and the memory of each batch wanted by the next.
                busy = torch.tanh(busy @ busy)
                wanted = batch_of(there, 64, RandomStreams(seed, step, device=there.device))
                assert torch.equal(batch, wanted), (step, seed)


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_step_does_not_wait_for_the_device(
    data: TrialData, request: pytest.FixtureRequest, method: str, policy: Policy
) -> None:
    spec = small(method)
    run = trained(trainer.start(spec, data, 28, 0), data, spec, 2, nothing)
    device = data.mean.device

    def step(number: int) -> None:
        batch = batch_of(data.pretrain, 8, RandomStreams(0, number, device=device))
        optimise(run, trainer.views_of(data, batch, policy, 0, number), device)

    for number in range(2, 6):  # what is made once waits
        step(number)
    request.getfixturevalue("without_waiting")
    for number in range(3, 6):
        step(number)


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_recorded_steps_come_out_as_others(data: TrialData, method: str) -> None:
    spec = small(method, batch_size=64)
    run = trained(trainer.start(spec, data, 28, 0), data, spec, 3, nothing)
    device = data.mean.device
    views = trainer.views_of(data, data.pretrain[:64], POLICIES[0], 0, 3)
    found = compare(run, views, 1e-3, device, CudaRecorder(device))
    assert Compared(1.0, 0.0, 0.0, found.apart).pays(1), found


def test_a_recording_that_fails_leaves_the_device_as_it_was(data: TrialData) -> None:
    device = data.mean.device
    recorder, before = CudaRecorder(device), torch.cuda.current_stream()
    number = torch.ones((), device=device)

    def wait() -> None:
        float(number + 1)

    def add() -> None:
        number.add_(1)

    with pytest.raises(Exception, match="captur"):
        recorder.record(wait)
    assert torch.cuda.current_stream() == before
    with Ahead(data.pretrain.cpu(), 64, [0], range(60), transfer_to(device)) as ahead:
        held = []
        for step in range(60):
            ahead.take(step)[0].float().sum()
            torch.cuda.synchronize()
            held.append(torch.cuda.memory_allocated())
    assert held[-1] <= max(held[:10]), "the memory of batches is used again"
    recorder.record(add)()
    assert float(number) == 2


def test_more_than_cuda_stages_is_sent_without_waiting(data: TrialData) -> None:
    values = np.arange(2**18, dtype=np.int64)
    send(values, data.mean.device)  # pins memory, which is used again
    torch.cuda.synchronize()
    torch.cuda._sleep(10**9)
    there = send(values, data.mean.device)
    assert not torch.cuda.current_stream().query(), "the device is still busy"
    assert torch.equal(there.cpu(), torch.from_numpy(values))


def test_runs_and_packs_of_streamed_images_can_be_recorded(
    data: TrialData, caplog: pytest.LogCaptureFixture
) -> None:
    host = TrialData(data.pretrain.cpu(), *(data.probe_train,) * 3, data.mean, data.std, "on")
    spec = small("moco_v2")
    run = trained(trainer.start(spec, host, 28, 0), host, spec, 12, nothing)
    plain = trainer.start(spec, data, 28, 0)
    members = members_of(host, spec, 3)
    assert train_pack(members, host, spec, until=12, length=20) == 3
    assert "not recorded" not in caplog.text
    trained(plain, replace(data, cuda_graphs="off"), spec, 12, nothing)
    assert run.losses == pytest.approx(plain.losses, rel=0.05)
    assert members[0].run.losses == pytest.approx(plain.losses, rel=0.05)
    assert isinstance(run.optimizer.param_groups[0]["lr"], float)


def test_a_recorded_probe_is_the_one_that_is_not() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(0, 4, (900,), generator=generator).cuda()
    features = (torch.randn(4, 32, generator=generator)[targets.cpu()] * 0.3).cuda()
    features += torch.randn(900, 32, generator=generator).cuda()
    found = {}
    for asked in ("off", "auto"):
        weight, bias = probe.fit_logistic(features, targets, 4, 1e-3, record=asked != "off")
        found[asked] = (features @ weight + bias).softmax(1)
    torch.testing.assert_close(found["auto"], found["off"], atol=2e-3, rtol=0)


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_views_that_were_prepared_change_nothing(
    data: TrialData, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    spec, runs = small(method), []
    for threads in (0, 2):
        monkeypatch.setattr(preparing, "_threads_for", lambda _, count=threads: count)
        runs.append(trained(trainer.start(spec, data, 28, 0), data, spec, 12, nothing))
    assert runs[1].losses == pytest.approx(runs[0].losses, rel=0.02)
