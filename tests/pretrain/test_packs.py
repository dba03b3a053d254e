"""Candidates trained in a pack come out as each does alone."""

from __future__ import annotations

import copy
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from quarterturn.policy.recipes import BASELINES
from quarterturn.pretrain import hardware, trainer
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.graphs import stepping
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.packs import size, training
from quarterturn.pretrain.packs.size import best_size, pack_size, remember_limit, throughput
from quarterturn.pretrain.packs.stack import StackedMethod
from quarterturn.pretrain.packs.training import Member, train_pack
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec, TrialSpec
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execute import execute_trial
from quarterturn.trial.pack import PackedTrial, execute_pack
from tests.augment.images import smooth

POLICIES = [BASELINES[name]() for name in ("simclr", "crop_flip", "rand_augment", "none")]
#: Distance of the ends of two runs over the distance travelled. They differ by the order of sums:
#: by 1e-6 for some steps, then by more, as Adam gives weights that have no gradient a whole step by
#: their rounding. Two runs alone are further apart with other kernels for convolutions.
STRETCH, USUAL, TOLERANCE, IN_THE_END = 3, 1e-4, 0.05, 0.3


@pytest.fixture(scope="module")
def data() -> TrialData:
    images = smooth(400, 28, 28).contiguous(memory_format=torch.channels_last)
    middle = torch.full((1, 3, 1, 1), 0.5)
    return TrialData(images, images[:60], images[60:120], images[120:180], middle, middle / 2)


@pytest.fixture(autouse=True)
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bf16 both are as exact as each other, and neither is exact."""
    monkeypatch.setattr(hardware, "has_fast_bfloat16", lambda _: False)


def _nothing(step: int) -> None:
    pass


def _flat(run: trainer.Run) -> torch.Tensor:
    return torch.cat([p.detach().double().flatten() for p in run.method.parameters()])


def _members(
    data: TrialData, spec: PretrainingSpec, count: int, watch: Callable[[int], None] = _nothing
) -> list[Member]:
    """Of different policies, and of two seeds."""
    size = data.pretrain.shape[-1]
    return [
        Member(trainer.start(spec, data, size, k % 2), POLICIES[k % 4], k % 2, watch)
        for k in range(count)
    ]


def _apart(
    member: Member, data: TrialData, spec: PretrainingSpec, state: dict[str, Any] | None = None
) -> float:
    """How far a member is from the same run alone, as a share of what that has travelled, from
    the state of both before.
    """
    alone = trainer.start(spec, data, data.pretrain.shape[-1], member.seed)
    if state is not None:
        trainer.restore(alone, state)
    start = _flat(alone)
    trainer.train(
        alone,
        member.policy,
        data,
        spec,
        seed=member.seed,
        until=member.run.step,
        length=60,
        watch=_nothing,
    )
    assert member.run.losses == pytest.approx(alone.losses, rel=0.02, abs=0.04)
    for name, value in alone.method.state_dict().items():
        mine = member.run.method.state_dict()[name]
        assert mine.stride() == value.stride(), "laid out in memory as it would be"
        if not value.is_floating_point():
            assert torch.equal(mine, value), name
    return float((_flat(member.run) - _flat(alone)).norm() / (_flat(alone) - start).norm())


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_tens_of_steps_are_those_of_runs_alone(data: TrialData, method: str) -> None:
    spec = PretrainingSpec.model_validate(
        {"encoder": "resnet_tiny", "method": method, "batch_size": 16, "learning_rate": 1e-3}
    )
    members = _members(data, spec, 3)
    apart = []
    for until in range(STRETCH, 9 * STRETCH, STRETCH):
        states = [copy.deepcopy(trainer.state_of(member.run)) for member in members]
        assert train_pack(members, data, spec, until=until, length=60) == 3
        pairs = zip(members, states, strict=True)
        apart += [_apart(member, data, spec, state) for member, state in pairs]
    assert statistics.median(apart) < USUAL
    assert max(apart) < TOLERANCE
    assert max(_apart(member, data, spec) for member in members) < IN_THE_END
    # 0 and 2 have nothing but their policies apart.
    one, other, start = (_flat(m.run) for m in (members[0], members[2], _members(data, spec, 1)[0]))
    assert (one - other).norm() / (one - start).norm() > 2 * IN_THE_END


@pytest.mark.parametrize(
    ("encoder", "method", "count", "steps"),
    [("resnet_small", "simclr", 3, 3), ("resnet18", "moco_v2", 2, 1)],
)
def test_other_encoders_too(
    data: TrialData, encoder: str, method: str, count: int, steps: int
) -> None:
    spec = PretrainingSpec.model_validate({"encoder": encoder, "method": method, "batch_size": 8})
    members = _members(data, spec, count)
    assert train_pack(members, data, spec, until=steps, length=60) == count
    assert max(_apart(member, data, spec) for member in members) < TOLERANCE


class Stopped(Exception):
    """Raised by a watch."""


def test_one_that_leaves_or_diverges_does_not_disturb_the_others(
    data: TrialData,
) -> None:
    def until_four(step: int) -> None:
        if step == 4:
            raise Stopped

    spec = PretrainingSpec(
        encoder="resnet_tiny", method="moco_v2", batch_size=16, learning_rate=1e-3
    )
    members = _members(data, spec, 4)
    members[1].watch = until_four
    with torch.no_grad():
        next(members[2].run.method.encoder.parameters()).fill_(math.nan)
    train_pack(members, data, spec, until=9, length=60)
    assert isinstance(members[1].error, Stopped)
    assert isinstance(members[2].error, trainer.DivergedError)
    assert members[1].run.step == 4
    assert max(_apart(members[k], data, spec) for k in (0, 3)) < TOLERANCE


def test_a_pack_that_is_out_of_memory_is_halved(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = PretrainingSpec(encoder="resnet_tiny", batch_size=16, learning_rate=1e-3)
    whole = StackedMethod.loss

    def loss(self: StackedMethod, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        if len(first) > 2 and float(first.sum()):
            raise torch.OutOfMemoryError
        return whole(self, first, second)

    monkeypatch.setattr(StackedMethod, "loss", loss)
    members = _members(data, spec, 4)
    assert train_pack(members, data, spec, until=6, length=60) == 2
    assert max(_apart(member, data, spec) for member in members) < TOLERANCE


def test_memory_for_none_is_an_error_of_each(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(stepping, "optimise", nothing)
    spec = PretrainingSpec(encoder="resnet_tiny", batch_size=16, learning_rate=1e-3)
    members = _members(data, spec, 3)
    train_pack(members, data, spec, until=2, length=60)
    assert all(isinstance(member.error, training.OUT_OF_MEMORY) for member in members)


def test_rungs_of_packs_and_of_trials_alone_continue_each_other(
    data: TrialData, tmp_path: Path
) -> None:

    def spec(seed: int, until: int, resume: int) -> TrialSpec:
        return TrialSpec(
            pretraining=PretrainingSpec(
                encoder="resnet_tiny", method="moco_v2", batch_size=16, learning_rate=1e-3
            ),
            scoring=ScoringSpec(probe_train_images=60, probe_test_images=60),
            seed=seed,
            iterations=until,
            schedule_iterations=14,
            resume_from=resume,
        )

    def pack(folder: Path, until: int, resume: int = 0) -> list[Outcome]:
        trials = [
            PackedTrial(spec(k, until, resume), POLICIES[k], f"c{k}", _nothing) for k in range(2)
        ]
        store = CheckpointStore(FolderStorage(folder))
        found = dict(execute_pack(trials, 28, data, job="job_x", checkpoints=store))
        outcomes = [found[k] for k in range(2)]
        assert all(isinstance(outcome, Outcome) for outcome in outcomes), outcomes
        return outcomes  # type: ignore[return-value]

    def alone(folder: Path, until: int, resume: int = 0) -> list[Outcome]:
        return [
            execute_trial(
                spec(k, until, resume),
                POLICIES[k],
                28,
                data,
                job="job_x",
                candidate=f"c{k}",
                checkpoints=CheckpointStore(FolderStorage(folder)),
                watch=_nothing,
            )
            for k in range(2)
        ]

    wanted = alone(tmp_path / "alone", 6), alone(tmp_path / "alone", 14, 6)
    first = pack(tmp_path / "packed", 6)
    pack(tmp_path / "both", 6)
    later = [pack(tmp_path / "packed", 14, 6), alone(tmp_path / "both", 14, 6)]
    later.append(pack(tmp_path / "alone", 14, 6))
    for results, expected in [(first, wanted[0]), *((found, wanted[1]) for found in later)]:
        for result, other in zip(results, expected, strict=True):
            assert result.metrics.keys() == other.metrics.keys()
            assert result.iterations_run == other.iterations_run
            assert result.curve == [pytest.approx(point, rel=1e-2) for point in other.curve]
            assert result.score == pytest.approx(other.score, abs=0.05)
            for name, value in other.metrics.items():
                assert result.metrics[name] == pytest.approx(value, rel=0.05, abs=0.05), name


@pytest.mark.parametrize(
    ("rates", "chosen", "measured"),
    [
        ((100, 200, 300, 400, 500), 16, 5),
        ((100, 105, 130, 131, 132), 4, 5),
        ((100, 90, 90, 900, 900), 1, 3),
        ((100, 105, 111, 112, 113), 4, 5),
        ((100, 150, None, 900, 900), 2, 2),
        ((100, 109, 150, 90, 160), 4, 5),
    ],
)
def test_a_larger_pack_is_chosen_where_it_is_worth_it(
    data: TrialData,
    monkeypatch: pytest.MonkeyPatch,
    rates: tuple[float | None, ...],
    chosen: int,
    measured: int,
) -> None:
    of = dict(zip(size.SIZES, rates, strict=True))

    def found(_: Any, __: Any, ___: Any, many: int, ____: int) -> size.Throughput | None:
        rate = of[many]
        return None if rate is None else size.Throughput(many, rate, 0.0)

    monkeypatch.setattr(size, "throughput", found)
    best, seen = best_size(PretrainingSpec(encoder="resnet_tiny"), data, POLICIES[0])
    assert (best, len(seen)) == (chosen, measured)


def test_the_size_is_what_fits_and_is_worth_it(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = PretrainingSpec(encoder="resnet_tiny", batch_size=8, learning_rate=2e-3)
    assert pack_size("auto", spec, data, POLICIES[0]) == 1, "on a CPU"
    assert pack_size(4, spec, data, POLICIES[0]) == 4
    whole = StackedMethod.loss

    def loss(self: StackedMethod, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        if len(first) > 2:
            raise torch.OutOfMemoryError
        return whole(self, first, second)

    monkeypatch.setattr(StackedMethod, "loss", loss)
    assert throughput(spec, data, POLICIES[0], 2, steps=1) is not None
    assert throughput(spec, data, POLICIES[0], 4, steps=1) is None
    remember_limit(spec, data, 2)
    assert pack_size(4, spec, data, POLICIES[0]) == 2
