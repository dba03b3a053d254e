"""Risks follow from the operations, the images and the trials."""

from __future__ import annotations

from typing import Any

from quarterturn.card.risks import risks
from quarterturn.policy import parse_policy
from quarterturn.policy.recipes import moco_v2, none

_PLAIN: dict[str, Any] = {
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.2, 0.1],
    "collapsed": [],
    "failed": 0,
    "reason": None,
}


def _codes(found: list[dict[str, Any]]) -> list[str]:
    return [risk["code"] for risk in found]


def test_operations_that_destroy_something_are_named_with_their_share() -> None:
    found = {risk["code"]: risk["message"] for risk in risks(moco_v2(), **_PLAIN)}
    assert "hue (80 % of views)" in found["colour_may_matter"]
    assert "horizontal_flip (50 % of views)" in found["mirror_may_matter"]
    assert "upright_may_matter" not in found
    turned = parse_policy({"views": [[{"op": "rotate90"}]]})
    assert "upright_may_matter" in _codes(risks(turned, **_PLAIN))


def test_no_augmentation_risks_nothing_but_the_proxy() -> None:
    assert _codes(risks(none(), **_PLAIN)) == ["proxy"]


def test_what_happened_in_the_search_is_said() -> None:
    facts = {**_PLAIN, "collapsed": ["a", "b"], "failed": 3, "reason": "budget"}
    found = risks(none(), **facts)
    assert _codes(found) == ["collapse_seen", "trials_failed", "budget_ended", "proxy"]
    assert found[0]["message"] == "2 candidates collapsed: a, b."
    assert _codes(risks(none(), **{**_PLAIN, "reason": "stopped"})) == ["stopped_early", "proxy"]


def test_grey_images_make_colour_operations_idle() -> None:
    grey = {**_PLAIN, "mean": [0.4, 0.4, 0.4], "std": [0.2, 0.2, 0.2]}
    assert "images_are_grey" in _codes(risks(moco_v2(), **grey))
    assert "images_are_grey" not in _codes(risks(none(), **grey))


def test_warnings_of_the_selection_come_first() -> None:
    warning = {"code": "no_evidence", "message": "Nothing.", "operation": "x"}
    policy = none().model_copy(update={"selection": {"warnings": [warning]}})
    assert risks(policy, **_PLAIN)[0] == {"code": "no_evidence", "message": "Nothing."}
