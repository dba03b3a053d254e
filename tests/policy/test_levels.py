"""Levels of the papers become the strengths of method.md, section 5."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterturn.errors import InvalidInputError
from quarterturn.policy.levels import operation_at, operation_from_level, strength_from_level
from quarterturn.policy.operations import OPERATIONS, SELFAUGMENT_OPERATIONS

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
Conversion = tuple[float | None, str | None]
_ENHANCED: list[Conversion] = [
    (0.9, "negative"),
    (0.45, "negative"),
    (0.0, "positive"),
    (0.45, "positive"),
    (0.9, "positive"),
]
_NOTHING: list[Conversion] = [(None, None)] * 5

#: (strength, sign) at each of LEVELS, written out by hand from the table.
EXPECTED: dict[str, list[Conversion]] = {
    "shear_x": [(s, "random") for s in (0.3, 0.15, 0.0, 0.15, 0.3)],
    "shear_y": [(s, "random") for s in (0.3, 0.15, 0.0, 0.15, 0.3)],
    "translate_x": [(s, "random") for s in (0.45, 0.225, 0.0, 0.225, 0.45)],
    "translate_y": [(s, "random") for s in (0.45, 0.225, 0.0, 0.225, 0.45)],
    "rotate": [(s, "random") for s in (30.0, 15.0, 0.0, 15.0, 30.0)],
    "auto_contrast": _NOTHING,
    "invert": _NOTHING,
    "equalize": _NOTHING,
    # Thresholds 0, 64, 128, 192, 256 of 256.
    "solarize": [(s, None) for s in (1.0, 0.75, 0.5, 0.25, 0.0)],
    # Bits kept: 4, 5, 6, 7, 8.
    "posterize": [(s, None) for s in (4.0, 3.0, 2.0, 1.0, 0.0)],
    # Factors 0.1, 0.55, 1, 1.45, 1.9.
    "contrast": _ENHANCED,
    "saturation": _ENHANCED,
    "brightness": _ENHANCED,
    "sharpness": _ENHANCED,
    "cutout": [(s, None) for s in (0.0, 0.05, 0.1, 0.15, 0.2)],
}


def test_the_table_has_all_15_operations() -> None:
    assert tuple(EXPECTED) == SELFAUGMENT_OPERATIONS


@pytest.mark.parametrize("op", EXPECTED)
def test_levels_become_the_strengths_of_the_table(op: str) -> None:
    for level, (strength, sign) in zip(LEVELS, EXPECTED[op], strict=True):
        found, found_sign = strength_from_level(op, level)
        assert found == (None if strength is None else pytest.approx(strength, abs=1e-12)), level
        assert strength == 0.0 or found_sign == sign, level


def test_posterize_keeps_all_bits_only_at_level_one() -> None:
    assert strength_from_level("posterize", 0.999) == (1.0, None)


@pytest.mark.parametrize("op", ["shear_x", "translate_y", "rotate"])
@given(level=st.floats(0.0, 1.0))
def test_mirrored_operations_have_two_levels_for_a_strength(op: str, level: float) -> None:
    strength = strength_from_level(op, level)[0]
    assert strength == pytest.approx(OPERATIONS[op].search_limit * abs(2 * level - 1))
    assert strength == pytest.approx(strength_from_level(op, 1.0 - level)[0], abs=1e-12)


@pytest.mark.parametrize("op", SELFAUGMENT_OPERATIONS)
@given(level=st.floats(0.0, 1.0), probability=st.floats(0.0, 1.0))
def test_every_level_gives_a_valid_operation(op: str, level: float, probability: float) -> None:
    operation = operation_from_level(op, probability, level)
    assert operation.probability == probability
    assert operation.low == operation.high <= OPERATIONS[op].search_limit + 1e-12


@pytest.mark.parametrize("level", [-0.01, 1.01, float("nan")])
def test_levels_outside_the_unit_interval_are_refused(level: float) -> None:
    with pytest.raises(InvalidInputError, match="number in \\[0, 1\\]"):
        strength_from_level("rotate", level)


def test_levels_of_other_operations_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="shear_x"):
        strength_from_level("hue", 0.5)


@pytest.mark.parametrize("op", [name for name, info in OPERATIONS.items() if info.has_strength])
def test_a_larger_fraction_is_never_weaker(op: str) -> None:
    strengths = [operation_at(op, step / 30).high for step in range(31)]
    assert strengths == sorted(strengths)
    assert strengths[0] == 0.0
    assert strengths[-1] == OPERATIONS[op].search_limit
