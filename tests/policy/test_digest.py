"""A digest stands for what a policy does."""

from __future__ import annotations

import re

from hypothesis import given, settings

from quarterturn.policy import Policy, parse_policy
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies


@given(policies)
@settings(max_examples=30, deadline=None)
def test_name_and_selection_do_not_count(policy: Policy) -> None:
    document = policy.to_document()
    renamed = parse_policy({**document, "name": "other", "selection": {"rank": 1}})
    assert renamed != policy
    assert renamed.digest == policy.digest


def test_different_policies_have_different_digests() -> None:
    assert len({policy.digest for policy in RECIPES.values()}) == len(RECIPES)


def test_the_order_of_stages_counts() -> None:
    stages = [{"op": "invert"}, {"op": "grayscale"}]
    forth, back = (parse_policy({"views": [views]}) for views in (stages, stages[::-1]))
    assert forth.digest != back.digest


def test_a_default_that_is_written_out_does_not_count() -> None:
    short = parse_policy({"views": [[{"op": "invert"}]]})
    long = parse_policy({"views": [[{"op": "invert", "probability": 1, "fill": None}]]})
    assert short.digest == long.digest


def test_it_is_64_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{64}", RECIPES["moco_v2"].digest)
