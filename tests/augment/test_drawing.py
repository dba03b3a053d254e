"""Programs as they are drawn by compiled code and by numpy: the same, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quarterturn.augment import Draws, drawing
from quarterturn.augment.drawing import draw_table
from quarterturn.augment.sampling import draw_program
from quarterturn.augment.table import Table, joined, table_of
from quarterturn.augment.tables import CODES
from quarterturn.policy import Policy, parse_policy
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies

#: What an operation reads beside its code.
_MAP, _FILL, _CENTRE, _NOISE = slice(2, 8), slice(8, 11), slice(11, 13), slice(13, 14)
_READS = {
    "resample": (_MAP, _FILL),
    "cutout": (slice(1, 2), _FILL, _CENTRE),
    "gaussian_noise": (slice(1, 2), _NOISE),
    "horizontal_flip": (),
    "vertical_flip": (),
    "grayscale": (),
    "invert": (),
    "auto_contrast": (),
    "equalize": (),
}


def _steps(table: Table, image: int) -> list[tuple[str, NDArray[np.float32]]]:
    """Of one image, without those that do nothing: what, and the numbers that it reads."""
    names = {code: name for name, code in CODES.items()}
    found = []
    for row in table.rows[image]:
        name = names[int(row[0])]
        if name != "nothing":
            reads = _READS.get(name, (slice(1, 2),))
            found.append((name, np.concatenate([row[part] for part in reads] or [row[:0]])))
    return found


def _assert_alike(policy: Policy, seed: int, size: tuple[int, int], count: int = 24) -> None:
    stages = policy.view(0)
    drawn = draw_table(stages, Draws(seed), count, *size)
    reference = table_of(draw_program(stages, Draws(seed), count, *size), count, Draws(seed))
    assert [[(part.label, part.count) for part in parts] for parts in drawn.noise] == [
        [(part.label, part.count) for part in parts] for parts in reference.noise
    ]
    for image in range(count):
        ours, theirs = _steps(drawn, image), _steps(reference, image)
        assert [name for name, _ in ours] == [name for name, _ in theirs]
        for (name, mine), (_, other) in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-3, err_msg=name)


@given(
    policy=policies,
    seed=st.integers(0, 2**62),
    size=st.sampled_from([(32, 32), (24, 40), (2, 3)]),
)
@settings(max_examples=60, deadline=None)
def test_any_policy_is_drawn_alike(policy: Policy, seed: int, size: tuple[int, int]) -> None:
    _assert_alike(policy, seed, size)


@pytest.mark.parametrize("name", RECIPES)
def test_so_are_recipes(name: str) -> None:
    _assert_alike(RECIPES[name], 3, (32, 32), count=200)


def test_other_fills_and_flips_by_themselves_are_drawn_alike() -> None:
    moves = [
        {"op": "horizontal_flip", "probability": 0.5},
        {"op": "rotate", "strength": [5, 30], "fill": [9, 9, 9], "probability": 0.5},
        {"op": "vertical_flip", "probability": 0.5},
        {"op": "shear_x", "strength": 0.2, "fill": [200, 0, 0], "probability": 0.5},
        {"op": "random_resized_crop", "ratio": [3.0, 3.0], "scale": [0.9, 1.0]},
        {"op": "rotate90", "probability": 0.5},
    ]
    _assert_alike(parse_policy({"views": [moves]}), 0, (32, 20), count=300)


def test_there_is_room_for_many_steps() -> None:
    stages = [{"op": "rotate", "strength": 10}, {"op": "invert"}] * 30
    _assert_alike(parse_policy({"views": [stages]}), 0, (8, 8), count=3)


def test_without_numba_a_table_is_that_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = RECIPES["moco_v2"].view(0)
    by_numba = draw_table(stages, Draws(1), 5, 32, 32)
    monkeypatch.setattr(drawing, "has_numba", lambda: False)
    plain = draw_table(stages, Draws(1), 5, 32, 32)
    for image in range(5):
        mine, other = _steps(plain, image), _steps(by_numba, image)
        assert [name for name, _ in mine] == [name for name, _ in other]


def test_joined_tables_keep_the_steps_of_each() -> None:
    tables = [
        draw_table(RECIPES[name].view(0), Draws(seed), 4, 32, 32)
        for seed, name in enumerate(("moco_v2", "none", "selfaugment"))
    ]
    whole = joined(tables)
    for place, table in enumerate(tables):
        for image in range(4):
            ours, alone = _steps(whole, 4 * place + image), _steps(table, image)
            assert [name for name, _ in ours] == [name for name, _ in alone]
            for (_, mine), (_, other) in zip(ours, alone, strict=True):
                np.testing.assert_array_equal(mine, other)
