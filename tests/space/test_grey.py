"""On grey images spaces leave out what changes nothing, with a word."""

from __future__ import annotations

import pytest

from quarterturn.policy.operations import COLOR_OPERATIONS
from quarterturn.space import PRESETS, parse_space, without_colors


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_keeps_an_operation_on_colors(name: str) -> None:
    space, said = without_colors(parse_space(name))
    text = space.model_dump_json()
    assert not any(f'"{operation}"' in text for operation in COLOR_OPERATIONS)
    assert {item["operation"] for item in said} <= set(COLOR_OPERATIONS)
    assert said
    assert parse_space(space.model_dump(mode="json")) == space, "it is a space like any other"
    assert without_colors(space) == (space, [])


def test_a_space_of_nothing_else_stays_with_a_word() -> None:
    space = parse_space({"kind": "single_operation", "operations": ["grayscale", "hue"]})
    kept, said = without_colors(space)
    assert kept == space
    assert len(said) == 2
    assert "cannot tell" in said[0]["message"]
