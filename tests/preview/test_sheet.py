"""Contact sheets show the original and draws of the policy."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from quarterturn.policy import parse_policy
from quarterturn.policy.recipes import moco_v2, none
from quarterturn.preview.sheet import contact_sheet
from tests.augment.images import smooth

_IMAGES = [
    Image.fromarray(picture.permute(1, 2, 0).numpy()) for picture in smooth(3, 40, 64, seed=2)
]


def _cell(sheet: Image.Image, x: int, y: int, size: int = 48) -> np.ndarray:
    left, top = 4 + x * (size + 4), 22 + y * (size + 4)
    return np.asarray(sheet.crop((left, top, left + size, top + size))).astype(int)


def test_without_augmentation_all_pictures_of_a_row_are_the_original() -> None:
    sheet = contact_sheet(_IMAGES, none(), draws=2, resolution=48, cell=48)
    assert sheet.size == (3 * 52 + 4, 18 + 3 * 52 + 4)
    for row in range(3):
        first = _cell(sheet, 0, row)
        assert first.std() > 5
        for column in (1, 2):
            assert np.array_equal(first, _cell(sheet, column, row))
    assert not np.array_equal(_cell(sheet, 0, 0), _cell(sheet, 0, 1))


def test_the_policy_is_applied_and_both_views_take_turns() -> None:
    policy = parse_policy({"views": [[{"op": "invert"}], []]})
    sheet = contact_sheet(_IMAGES, policy, draws=3, resolution=48, cell=48)
    first = _cell(sheet, 0, 1)
    assert np.array_equal(_cell(sheet, 1, 1), 255 - first)
    assert np.array_equal(_cell(sheet, 2, 1), first)
    assert np.array_equal(_cell(sheet, 3, 1), 255 - first)


def test_a_seed_draws_the_same() -> None:
    sheets = [contact_sheet(_IMAGES, moco_v2(), seed=seed).tobytes() for seed in (1, 1, 2)]
    assert sheets[0] == sheets[1] != sheets[2]


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], none())
