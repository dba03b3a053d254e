"""Draws can be restored: one rule, tested over resumes in the middle of an epoch."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from quarterturn import PolicyDataset, load_policy
from quarterturn.errors import InvalidInputError
from quarterturn.policy.recipes import crop_flip
from quarterturn.transform.streams import current_rank, named_seed, seed_of_call
from tests.augment.images import smooth

IMAGES = smooth(8, 24, 24)
CROPS = crop_flip().to_document()


def test_a_state_goes_on_in_the_middle_of_an_epoch() -> None:
    whole = load_policy(CROPS, seed=3)
    steps = [whole.two_views(IMAGES) for _ in range(5)]
    begun = load_policy(CROPS, seed=3)
    for _ in range(3):
        begun.two_views(IMAGES)
    saved = pickle.loads(pickle.dumps(begun.state_dict()))
    resumed = load_policy(CROPS, seed=99)
    resumed.load_state_dict(saved)
    for expected in steps[3:]:
        first, second = resumed.two_views(IMAGES)
        assert torch.equal(first, expected[0])
        assert torch.equal(second, expected[1])


def test_without_a_seed_the_state_is_that_of_torch() -> None:
    transform = load_policy(CROPS)
    with torch.random.fork_rng():
        transform(IMAGES)
        state = torch.get_rng_state()
        expected = transform(IMAGES)
        torch.set_rng_state(state)
        assert torch.equal(load_policy(CROPS)(IMAGES), expected)


def test_a_foreign_state_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_policy(CROPS, seed=0).load_state_dict({"epoch": 3})
    assert caught.value.code == "invalid_state"


def test_steps_follow_from_the_seed_and_the_step_alone() -> None:
    transform = load_policy(CROPS, seed=3)
    expected = transform(IMAGES, step=(2, 5))
    assert transform.calls == 0
    transform(IMAGES)
    assert torch.equal(transform(IMAGES, step=(2, 5)), expected)
    for other in ((2, 6), (3, 5), (25,), 2):
        assert not torch.equal(transform(IMAGES, step=other), expected)
    assert not torch.equal(load_policy(CROPS, seed=4)(IMAGES, step=(2, 5)), expected)
    with pytest.raises(InvalidInputError) as caught:
        load_policy(CROPS)(IMAGES, step=1)
    assert caught.value.code == "seed_needed"


def test_ranks_draw_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for rank in ("0", "1", "2"):
        monkeypatch.setenv("RANK", rank)
        transform = load_policy(CROPS, seed=3)
        seen.append(transform(IMAGES))
        spawned = pickle.loads(pickle.dumps(load_policy(CROPS, seed=3)))
        monkeypatch.delenv("RANK")
        assert torch.equal(spawned(IMAGES), seen[-1]), "a spawned worker has its rank"
        assert torch.equal(transform(IMAGES, step=1), load_policy(CROPS, seed=3)(IMAGES, step=1))
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    with torch.random.fork_rng():
        drawn = set()
        for rank in (0, 1):
            torch.manual_seed(7)
            drawn.add(seed_of_call(None, rank))
        assert len(drawn) == 2, "ranks with the same seed of torch"


def _rank_of_group(rank: int, path: str, seen: Any) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{path}", rank=rank, world_size=2
    )
    seen.put((rank, current_rank()))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_the_rank_is_that_of_the_process_group(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    seen = context.Queue()
    processes = [
        context.Process(target=_rank_of_group, args=(rank, str(tmp_path / "group"), seen))
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    assert sorted(seen.get(timeout=300) for _ in processes) == [(0, 0), (1, 1)]
    for process in processes:
        process.join()


class _Pictures(Dataset[Any]):
    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index: int) -> Any:
        torch.set_num_threads(1)
        return IMAGES[index], index


class _Rest(Sampler[int]):
    """What an interrupted epoch has left, in its order."""

    def __init__(self, begin: int) -> None:
        self.begin = begin

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(len(IMAGES), generator=torch.Generator().manual_seed(1)).tolist()
        return iter(order[self.begin :])


def _views(workers: int, epoch: int, begin: int = 0, **how: Any) -> dict[int, bytes]:
    dataset = PolicyDataset(_Pictures(), load_policy(CROPS, seed=5))
    loader: DataLoader[Any] = DataLoader(
        dataset, batch_size=2, sampler=_Rest(begin), num_workers=workers, **how
    )
    found: dict[int, bytes] = {}
    for now in range(epoch + 1):
        dataset.set_epoch(now)
        found = {
            int(index): torch.stack([first[i], second[i]]).numpy().tobytes()
            for (first, second), indexes in loader
            for i, index in enumerate(indexes)
        }
    return found


def test_a_resumed_epoch_has_the_views_of_the_whole_whatever_the_workers() -> None:
    whole = _views(0, epoch=1)
    assert len(set(whole.values())) == 8
    resumed = _views(2, epoch=1, begin=4)
    persistent = _views(2, epoch=1, persistent_workers=True)
    assert len(resumed) == 4
    assert resumed.items() <= whole.items()
    assert persistent == whole
    assert set(_views(0, epoch=0).values()).isdisjoint(whole.values())


def test_a_dataset_needs_a_seed() -> None:
    with pytest.raises(InvalidInputError) as caught:
        PolicyDataset(_Pictures(), load_policy(CROPS))
    assert caught.value.code == "seed_needed"


def test_names_of_seeds_do_not_meet() -> None:
    names = {named_seed(1, 23), named_seed(12, 3), named_seed(1, "rank", 2), named_seed("1", 2, 3)}
    assert len(names) == 4
    assert all(0 <= name < 2**62 for name in names)


def test_copies_go_on_alike() -> None:
    transform = load_policy(CROPS, seed=1)
    transform(IMAGES)
    assert torch.equal(copy.deepcopy(transform)(IMAGES), transform(IMAGES))
