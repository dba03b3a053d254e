"""Views that threads prepare ahead of the device: the same runs, step by step."""

from __future__ import annotations

import pytest
import torch

from quarterturn.augment import RandomStreams, prepare_views, two_views, two_views_of_all
from quarterturn.policy import parse_policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.batches import preparing
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.packs.training import train_pack
from tests.pretrain.making import POLICIES, made_up, members_of, nothing, small, trained

NOISE = parse_policy(
    {
        "views": [
            [{"op": "gaussian_noise", "strength": 0.2, "probability": 0.5}, {"op": "invert"}],
            [{"op": "rotate", "strength": 20}, {"op": "gaussian_noise", "strength": 0.1}],
        ]
    }
)


@pytest.fixture(scope="module")
def data() -> TrialData:
    return made_up()


def _by(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "_threads_for", lambda _: threads)


def test_a_run_is_the_same(data: TrialData, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, losses = small("moco_v2"), []
    for threads in (0, 1, 3):
        _by(threads, monkeypatch)
        losses.append(trained(trainer.start(spec, data, 28, 0), data, spec, 9, nothing).losses)
    assert losses[0] == losses[1] == losses[2]


def test_a_pack_is_the_same(data: TrialData, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, losses = small(), []
    for threads in (0, 2):
        _by(threads, monkeypatch)
        members = members_of(data, spec, 3)
        train_pack(members, data, spec, until=5, length=5)
        losses.append([member.run.losses for member in members])
    assert losses[0] == losses[1]


def test_what_one_thread_cannot_do_is_said_by_the_run(
    data: TrialData, monkeypatch: pytest.MonkeyPatch
) -> None:
    _by(2, monkeypatch)

    def fails(*_: object) -> None:
        raise MemoryError("none left")

    monkeypatch.setattr(preparing, "prepare_views", fails)
    with pytest.raises(MemoryError, match="none left"):
        trained(trainer.start(small(), data, 28, 0), data, small(), 9, nothing)


def test_views_of_a_batch_and_of_several_are_those_that_were_prepared(data: TrialData) -> None:
    who = [
        (policy, RandomStreams(seed, 4)) for seed, policy in enumerate((*POLICIES, NOISE, NOISE))
    ]
    images, size = data.pretrain[:8], data.pretrain.shape[2:]
    batches = [(images, policy, draws) for policy, draws in who]
    alone = [two_views(*batch, data.normalisation) for batch in batches]
    for pair, batch, one in zip(who, batches, alone, strict=True):
        table = prepare_views([pair], 8, *size)
        for mine, other in zip(two_views(*batch, data.normalisation, table), one, strict=True):
            assert torch.equal(mine, other)
    together = two_views_of_all(batches, data.normalisation, prepare_views(who, 8, *size))
    for place, one in enumerate(alone):
        for view in (0, 1):
            torch.testing.assert_close(together[view][place], one[view], atol=1e-5, rtol=1e-5)
