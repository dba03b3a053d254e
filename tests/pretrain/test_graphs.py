"""Recorded steps are the steps; where they do not pay or cannot be recorded, nothing changes.

The graph itself is that of `tape.py`; on a GPU see `test_cuda.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from core.settings import Settings
from quarterturn.pretrain import hardware, trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.graphs import stepping
from quarterturn.pretrain.graphs.comparing import Compared, compare
from quarterturn.pretrain.graphs.recording import recorder_of
from quarterturn.pretrain.packs.training import train_pack
from tests.pretrain.making import (
    POLICIES,
    made_up,
    members_of,
    nothing,
    same,
    small,
    tensors_of,
    trained,
)
from tests.pretrain.tape import HostWaits, Tape

CPU = torch.device("cpu")
#: The learning rate of a recorded step is rounded to float32; nothing else differs.
CLOSE = {"rtol": 1e-3, "atol": 1e-5}


@pytest.fixture(scope="module")
def data() -> TrialData:
    """Whose steps are recorded, whether that pays or not."""
    return replace(made_up(), cuda_graphs="on")


@pytest.fixture
def tape(monkeypatch: pytest.MonkeyPatch) -> Tape:
    """A recorder, used where it pays or not."""
    tape = Tape()
    monkeypatch.setattr(hardware, "has_fast_bfloat16", lambda _: False)
    monkeypatch.setattr(stepping, "recorder_of", lambda _: tape)
    monkeypatch.setattr(stepping, "_measured", {})
    monkeypatch.setattr(stepping, "_failed", set())
    exact = trainer.learning_rate
    # A recorded step has its rate in float32. Rounded on one side only, it is the beginning of
    # differences that grow.
    monkeypatch.setattr(trainer, "learning_rate", lambda *at: float(np.float32(exact(*at))))
    return tape


def _fresh(data: TrialData, spec: Any) -> trainer.Run:
    return trainer.start(spec, data, 28, 0)


def _close(one: trainer.Run, other: trainer.Run) -> None:
    mine, theirs = tensors_of(one), tensors_of(other)
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        torch.testing.assert_close(value, theirs[name], **CLOSE, msg=name)  # type: ignore[arg-type]
    groups = [trainer.state_of(run)["optimizer"]["param_groups"] for run in (one, other)]
    assert groups[0] == groups[1], "the checkpoint of a run that was never recorded"


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_recorded_runs_and_others_continue_each_other(
    data: TrialData, tape: Tape, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    class Stopped(Exception):
        pass

    def until_seven(step: int) -> None:
        if step == 7:
            raise Stopped

    spec = small(method)
    half = trained(_fresh(data, spec), data, spec, 7, nothing)
    recorded = trained(_fresh(data, spec), data, spec, 14, nothing)
    stopped = _fresh(data, spec)
    with pytest.raises(Stopped):
        trained(stopped, data, spec, 14, until_seven)
    assert tape.replays == (7 - 3) + (14 - 3) + (7 - 3)
    data = replace(data, cuda_graphs="off")
    plain_half = trained(_fresh(data, spec), data, spec, 7, nothing)
    plain = trained(_fresh(data, spec), data, spec, 14, nothing)
    _close(half, plain_half)
    _close(recorded, plain)
    continued = _fresh(data, spec)
    trainer.restore(continued, trainer.state_of(half))
    _close(trained(continued, data, spec, 14, nothing), plain)
    assert stopped.step == 7
    stopped.losses = plain_half.losses  # those of a stopped run are not kept
    _close(stopped, plain_half)


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_packs_are_recorded_too(
    data: TrialData, tape: Tape, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    spec = small(method)
    members = members_of(data, spec, 2)
    train_pack(members, data, spec, until=8, length=20)
    assert tape.replays == 8 - 3
    data = replace(data, cuda_graphs="off")
    plain = members_of(data, spec, 2)
    train_pack(plain, data, spec, until=8, length=20)
    for one, other in zip(members, plain, strict=True):
        _close(one.run, other.run)


def test_a_step_that_waits_for_the_device_is_seen(tape: Tape) -> None:
    with pytest.raises(HostWaits):
        tape.record(lambda: float(torch.ones(3).sum()))  # type: ignore[arg-type,return-value]


class _Broken(Tape):
    tries = 0

    def record(self, act: Callable[[], None]) -> Callable[[], None]:
        self.tries += 1
        super().record(act)
        raise RuntimeError("operation not permitted when stream is capturing")


@pytest.mark.parametrize("asked", ["on", "auto"])
def test_what_cannot_be_recorded_is_trained_as_ever(
    data: TrialData,
    tape: Tape,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    asked: str,
) -> None:
    broken = _Broken()
    monkeypatch.setattr(stepping, "recorder_of", lambda _: broken)
    monkeypatch.setattr(stepping, "_FEWEST", 1)
    data = replace(data, cuda_graphs=asked)
    spec = small("moco_v2")
    with caplog.at_level(logging.WARNING, logger=stepping.__name__):
        runs = [trained(_fresh(data, spec), data, spec, 6, nothing) for _ in range(2)]
    assert broken.tries == 1
    assert [r.message for r in caplog.records if r.name == stepping.__name__] == [
        "steps of resnet_tiny are not recorded: operation not permitted when stream is capturing"
    ]
    data = replace(data, cuda_graphs="off")
    plain = trained(_fresh(data, spec), data, spec, 6, nothing)
    for run in runs:
        same(run, plain)


def test_it_pays_where_it_saves_more_than_recording_takes() -> None:
    measured = Compared(step=0.003, replayed=0.001, recording=0.2, apart=0.01)
    assert not measured.pays(100)
    assert measured.pays(101)
    assert not Compared(0.003, 0.001, 0.2, apart=0.5).pays(1000), "comes out otherwise"
    assert not Compared(0.001, 0.003, 0.0, apart=0.0).pays(1000), "slower"
    assert Compared(0.003, 0.001, 0.2, apart=0.3, apart_plain=0.2).pays(1000), "as plain ones do"
    assert not Compared(0.003, 0.001, 0.2, apart=0.6, apart_plain=0.6).pays(1000), "nothing is told"


def test_auto_measures_once_and_records_what_pays(
    data: TrialData, tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def measure(*_: Any) -> Compared:
        calls.append(1)
        return Compared(step=2.0, replayed=1.0, recording=6.5, apart=0.0)

    monkeypatch.setattr(stepping, "compare", measure)
    monkeypatch.setattr(stepping, "_FEWEST", 6)
    data = replace(data, cuda_graphs="auto")
    spec = small()
    trained(_fresh(data, spec), data, spec, 8, nothing)
    assert not calls, "five steps are left"
    assert tape.replays == 0
    trained(_fresh(data, spec), data, spec, 10, nothing)
    assert calls == [1]
    assert tape.replays == 7
    trained(_fresh(data, spec), data, spec, 9, nothing)
    assert calls == [1]
    assert tape.replays == 7, "six steps are not worth it"


class _Still(Tape):
    """Replays nothing."""

    def record(self, act: Callable[[], None]) -> Callable[[], None]:
        super().record(act)
        return lambda: None


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_a_comparison_tells_what_comes_out_and_leaves_the_run_alone(
    data: TrialData, tape: Tape, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    data = replace(data, cuda_graphs="off")
    spec = small(method)
    run = trained(_fresh(data, spec), data, spec, 3, nothing)
    batch = data.pretrain[:8]
    views = trainer.views_of(data, batch, POLICIES[0], 0, 3)
    seconds = iter(range(100))
    found = compare(run, views, 1e-3, CPU, tape, clock=lambda: float(next(seconds)))
    assert found.apart < 1e-3
    assert found.apart_plain == 0.0
    assert (found.step, found.recording, found.replayed) == (1 / 8, 1, 1 / 8)
    assert compare(run, views, 1e-3, CPU, _Still()).apart > 0.5
    if method == "moco_v2":
        with monkeypatch.context() as patched:
            from quarterturn.pretrain.graphs import recorded

            patched.setattr(recorded, "_optimise_in_place", recorded.optimise)
            apart = compare(run, views, 1e-3, CPU, tape).apart
            assert not Compared(1.0, 0.0, 0.0, apart).pays(10), "its queue stands still"
    same(run, trained(_fresh(data, spec), data, spec, 3, nothing))


def test_nothing_is_recorded_on_a_cpu() -> None:
    assert recorder_of(CPU) is None
    assert Settings().cuda_graphs == "auto"
