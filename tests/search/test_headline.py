"""One sentence for a level of evidence, true for how it came about."""

from __future__ import annotations

from typing import Any

import pytest

from quarterturn.search.headline import headline


def _evidence(level: str, *codes: str) -> dict[str, Any]:
    return {"level": level, "reasons": [{"code": code, "message": ""} for code in codes]}


@pytest.mark.parametrize("criterion", ["auto", "rotation", "composite"])
@pytest.mark.parametrize("level", ["none", "weak", "clear"])
def test_each_level_of_each_criterion_has_one(criterion: str, level: str) -> None:
    assert headline(criterion, _evidence(level)).endswith(".")


def test_images_are_not_blamed_while_little_was_tried() -> None:
    few = _evidence("none", "few_candidates")
    assert headline("auto", few, live=True) == "Too early to say."
    assert "Too early" not in headline("auto", few), "nothing more is to come"


def test_a_kept_incumbent_is_no_win_of_another() -> None:
    for level in ("weak", "clear"):
        kept = headline("auto", _evidence(level, "incumbent_kept"))
        won = headline("auto", _evidence(level))
        assert "nothing that was tried beats" in kept.lower()
        assert kept != won


def test_collapse_is_told() -> None:
    assert "collapsed" in headline("auto", _evidence("none", "collapsed"))
