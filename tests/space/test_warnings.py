"""Spaces whose candidates may teach rotation invariance are pointed out."""

from __future__ import annotations

from typing import Any

import pytest

from quarterturn.space import parse_space, space_warnings


def _warned(**space: Any) -> list[str]:
    return [item["operation"] for item in space_warnings(parse_space(space))]


@pytest.mark.parametrize("kind", ["single_operation", "sub_policies", "pipeline"])
def test_quarter_turns_are_pointed_out(kind: str) -> None:
    assert _warned(kind=kind, operations=["invert", "rotate90"]) == ["rotate90"]


def test_quarter_turns_of_rand_augment_are_pointed_out() -> None:
    assert _warned(kind="rand_augment", operations=["rotate90"], count=[1], magnitude=0.5) == [
        "rotate90"
    ]


@pytest.mark.parametrize(("largest", "warned"), [(45, []), (60, ["rotate"])])
def test_rotations_are_pointed_out_beyond_45_degrees(largest: int, warned: list[str]) -> None:
    operation = {"op": "rotate", "strength": {"min": 0, "max": largest}}
    assert _warned(kind="single_operation", operations=[operation]) == warned


@pytest.mark.parametrize("base", ["flip", "crop_flip"])
def test_the_flip_of_the_base_counts(base: str) -> None:
    space = {"kind": "single_operation", "operations": ["vertical_flip"]}
    assert _warned(**space, base=base) == ["vertical_flip"]
    assert _warned(**space, base="none") == []


@pytest.mark.parametrize(
    ("kind", "warned"), [("single_operation", []), ("pipeline", ["vertical_flip"])]
)
def test_two_flips_count_only_where_one_candidate_may_have_both(
    kind: str, warned: list[str]
) -> None:
    flips = ["horizontal_flip", "vertical_flip"]
    assert _warned(kind=kind, operations=flips, base="none") == warned


def test_shuffles_are_looked_into() -> None:
    shuffle = {"op": "shuffle", "of": ["rotate90"]}
    assert _warned(kind="pipeline", operations=[shuffle]) == ["rotate90"]


def test_what_is_never_applied_is_not_pointed_out() -> None:
    operation = {"op": "rotate90", "probability": 0}
    assert _warned(kind="pipeline", operations=[operation]) == []
    shuffle = {"op": "shuffle", "probability": 0, "of": ["rotate90"]}
    assert _warned(kind="pipeline", operations=[shuffle]) == []
