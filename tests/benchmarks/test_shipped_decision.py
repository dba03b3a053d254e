"""The decision that is shipped is what the table gives, and its card what it is worth."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.experiments.decision.cases import build_cases
from benchmarks.experiments.decision.ship import build_model
from quarterturn.search.decision.model import load_model
from quarterturn.table import load_table


def _same(one: Any, other: Any, where: str) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            _same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for place, pair in enumerate(zip(one, other, strict=True)):
            _same(*pair, f"{where}[{place}]")
    elif isinstance(one, float):
        # Rounding differs between processors.
        assert one == pytest.approx(other, rel=0.01, abs=0.02), where
    else:
        assert one == other, where


def test_it_is_fitted_to_the_table_as_it_is() -> None:
    shipped = load_model().to_document()
    _same(build_model(build_cases(load_table())).to_document(), shipped, "decision")
