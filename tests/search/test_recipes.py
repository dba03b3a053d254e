"""The search that begins with what is known."""

from __future__ import annotations

import random

import pytest

from quarterturn.errors import InvalidInputError
from quarterturn.policy.excluding import operations_of
from quarterturn.policy.portfolio import find_recipe, make_portfolio
from quarterturn.policy.recipes import BASELINES
from quarterturn.policy.schema import Policy
from quarterturn.policy.slots import slots_of
from quarterturn.search.conclusion import SearchedImages, conclude
from quarterturn.search.incumbent import incumbent
from quarterturn.search.operation_effects import fit_effects
from quarterturn.search.spec import parse_search
from tests.search.play import Player, play

IMAGES = SearchedImages("images", "0" * 64, 1000, 32)


def _conclude(player: Player) -> Policy:
    concluded = conclude(
        player.spec, list(player.candidates.values()), player.history(random.Random(0)), IMAGES
    )
    assert concluded is not None
    return concluded.policy


def test_the_opening_is_the_incumbent_the_portfolio_and_the_baselines() -> None:
    spec = parse_search({"strategy": {"kind": "recipes", "changes": 0}, "seeds": 1})
    player = play(spec, 0)
    tried = {candidate.policy.digest for candidate in player.candidates.values()}
    known = [*(make() for make in BASELINES.values()), *make_portfolio()]
    assert tried == {policy.digest for policy in known}


def test_a_budget_of_three_trials_tries_candidates() -> None:
    player = play(parse_search({"budget": {"trials": 3}}), 0)
    names = [player.candidates[trial.candidate].name for trial in player.done]
    assert sorted(names) == sorted(["moco_v2", "crop + equalize", "crop 0.5 + jitter"])


def test_each_change_is_one_slot_away_from_one_of_the_best_before_it() -> None:
    spec = parse_search({"strategy": {"kind": "recipes", "changes": 9, "generations": 3}})
    player = play(spec, 1)
    changed = [c for c in player.candidates.values() if c.number is not None]
    assert sorted(c.number or 0 for c in changed) == list(range(9))
    for candidate in changed:
        parent = player.candidates[(candidate.parameters or {})["parent"]]
        before, after = slots_of(parent.policy), slots_of(candidate.policy)
        assert before is not None
        assert after is not None
        assert len(set(before.items()) ^ set(after.items())) in (1, 2)
        assert len({slot for slot, _ in set(before.items()) ^ set(after.items())}) == 1


def test_what_helped_is_tried_with_what_is_best() -> None:
    """Grayscale costs points wherever it stands, solarize has not been tried: of the changes of the
    best policy, one with solarize promises more than one with grayscale.
    """
    recipes = {name: find_recipe(name) for name in ("crop + jitter", "crop + jitter + grayscale")}
    scored = [(slots_of(policy), 0.6) for policy in make_portfolio() if policy.name not in recipes]
    scored += [(slots_of(recipes["crop + jitter"]), 0.65)]
    scored += [(slots_of(recipes["crop + jitter + grayscale"]), 0.45)]
    effects = fit_effects(scored)
    before = slots_of(recipes["crop + jitter"])
    assert before is not None
    worse, _ = effects.of_change(before, {**before, "grayscale": ""})
    unknown, error = effects.of_change(before, {**before, "solarize": ""})
    assert worse < 0
    assert unknown == pytest.approx(0.0)
    assert error > effects.of_change(before, {**before, "grayscale": ""})[1]
    assert effects.to_list()[0].slot == "grayscale"


def test_effects_are_those_that_made_the_scores() -> None:
    """On an exhaustive design of three slots, up to shrinkage."""
    true = {"jitter": 0.10, "equalize": -0.05, "cutout": 0.02}
    scored = []
    for number in range(8):
        there = [name for place, name in enumerate(true) if number >> place & 1]
        slots = {name: "0.4" if name == "jitter" else "" for name in there}
        scored += [(slots, 0.5 + sum(true[name] for name in there))] * 25
    found = {effect.slot: effect for effect in fit_effects(scored).to_list()}
    for name, value in true.items():
        assert found[name].effect == pytest.approx(value, abs=0.01)
        assert found[name].policies == 100


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"search_space": "photometric"},
        {"search_space": "rand-augment"},
        {"strategy": "density_matching"},
        {"strategy": "base_augmentation"},
    ],
)
def test_what_is_excluded_is_in_no_candidate_and_not_selected(document: dict[str, object]) -> None:
    excluded = ["hue", "saturation", "grayscale", "horizontal_flip"]
    spec = parse_search({**document, "exclude": excluded, "iterations": 30, "seeds": 1})
    player = play(spec, 0)
    tried = [candidate.policy for candidate in player.candidates.values()]
    assert len(tried) > 2
    for policy in [*tried, _conclude(player)]:
        assert not operations_of(policy) & set(excluded), policy.name
    assert incumbent(spec).key in player.candidates, "the incumbent is always measured"


def test_an_incumbent_that_is_excluded_and_a_space_of_nothing_else_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="moco_v2 uses grayscale"):
        parse_search({"incumbent": "moco_v2", "exclude": ["grayscale"]})
    inverting = {"name": "mine", "views": [[{"op": "invert"}]]}
    for search in (
        {"kind": "list", "candidates": [inverting]},
        {"kind": "pipeline", "search": {"kind": "list", "candidates": [inverting]}},
    ):
        with pytest.raises(InvalidInputError, match="mine uses invert"):
            parse_search({"strategy": search, "exclude": ["invert"]})
    with pytest.raises(InvalidInputError) as refused:
        parse_search(
            {
                "search_space": {"kind": "single_operation", "operations": ["invert"]},
                "exclude": ["invert"],
            }
        )
    assert refused.value.code == "nothing_to_search"
    with pytest.raises(InvalidInputError) as unknown:
        parse_search({"incumbent": "mocov2"})
    assert unknown.value.code == "no_such_recipe"
    assert "moco_v2" in unknown.value.message
    with pytest.raises(InvalidInputError, match="quick, default, thorough"):
        parse_search({"effort": "hasty"})


def test_one_s_own_incumbent_is_measured_and_named() -> None:
    mine = {"name": "mine", "views": [[{"op": "invert", "probability": 0.5}]]}
    player = play(parse_search({"incumbent": mine}), 0)
    policy = _conclude(player)
    assert policy.selection is not None
    assert policy.selection["incumbent"] == "mine"
    stages = {t.task for t in player.done if player.candidates[t.candidate].name == "mine"}
    assert stages == {"search", "confirmation"}
