"""Searches that go in rounds are not asked after each result: that must change nothing."""

from __future__ import annotations

import random

import pytest

from quarterturn.search.planning import in_rounds, look_now, plan
from quarterturn.search.spec import parse_search
from tests.search.play import SPECS, Player, play


@pytest.mark.parametrize("name", sorted(SPECS))
def test_nothing_new_is_wanted_before_all_have_ended(name: str) -> None:
    """Of those that `in_rounds` names; and it names no other without need."""
    spec = parse_search(dict(SPECS[name]))
    early = 0

    def between(player: Player) -> None:
        nonlocal early
        if player.done and player.open:
            coming = plan(spec, player.history(random.Random(0)))
            early += bool(coming.trials or coming.finished or coming.withdraw)

    player = play(spec, 1, failing=True, watch=between)
    asked_early = _asked_early(player)
    if in_rounds(spec):
        assert (early, asked_early) == (0, False)
    elif "asha" in name:
        assert asked_early


def _asked_early(played: Player) -> bool:
    """Whether a trial was recorded while another was open."""
    again = Player(played.spec, failing=True)
    order = random.Random(1)
    while True:
        coming = plan(again.spec, again.history(order))
        if coming.trials and again.open:
            return True
        again.record(coming)
        if coming.finished:
            return False
        again.end_one(order)


def test_a_warm_up_of_each_seed_is_no_round() -> None:
    search = {"strategy": {"kind": "random", "candidates": 3}, "seeds": 2}
    start = {"shared_warmup": {"iterations": 7, "policy": "moco_v2"}}
    warm = {"encoder": "resnet_tiny", "init": start}
    assert in_rounds(parse_search(dict(search)))
    assert not in_rounds(parse_search({**search, "pretraining": warm}))


def test_the_time_is_looked_at_about_as_often_in_any_search() -> None:
    for trials in (10, 150, 400, 10_000):
        looks = sum(look_now(trials - ended, ended) for ended in range(1, trials + 1))
        assert min(trials, 200) <= looks <= 400
