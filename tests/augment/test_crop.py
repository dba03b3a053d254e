"""Random resized crops against torchvision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as reference

from quarterturn.augment import PackedPlan, RandomStreams, layout
from quarterturn.augment.backends import torch_ref
from quarterturn.augment.ops.registry import CODES
from quarterturn.augment.plan import sample_plan
from quarterturn.policy.schema import RandomResizedCrop
from tests.augment.images import apply, distance, smooth

COUNT = 3000
RANGES = [((0.2, 1.0), (3 / 4, 4 / 3)), ((0.08, 1.0), (3 / 4, 4 / 3)), ((0.3, 0.6), (0.5, 2.0))]
SIZES = [(64, 64), (96, 64)]


def _boxes(
    scale: tuple[float, float], ratio: tuple[float, float], height: int, width: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """left, top, width and height of the crops, in pixels."""
    crop = RandomResizedCrop(op="random_resized_crop", scale=scale, ratio=ratio)
    plan = sample_plan([crop], RandomStreams(3), COUNT, height, width)
    assert plan.rows.shape[1] == 1
    maps = torch.from_numpy(plan.rows[:, 0, layout.MAP : layout.MAP + 6]).view(-1, 2, 3)
    return maps[:, 0, 2], maps[:, 1, 2], maps[:, 0, 0] * width, maps[:, 1, 1] * height


def _torchvision(
    scale: tuple[float, float], ratio: tuple[float, float], height: int, width: int
) -> torch.Tensor:
    """left, top, width, height: (4, COUNT)."""
    transform = v2.RandomResizedCrop(8, scale=scale, ratio=ratio)
    image = torch.zeros(1, 3, height, width)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        drawn = [transform.make_params([image]) for _ in range(COUNT)]
    return torch.tensor([[d[k] for d in drawn] for k in ("left", "top", "width", "height")]).float()


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(("scale", "ratio"), RANGES)
def test_areas_ratios_and_positions_stay_within_their_ranges(
    scale: tuple[float, float], ratio: tuple[float, float], height: int, width: int
) -> None:
    left, top, w, h = _boxes(scale, ratio, height, width)
    area, aspect = w * h / (width * height), w / h
    assert float(area.min()) >= scale[0] - 1e-4
    assert float(area.max()) <= scale[1] + 1e-4
    assert float(aspect.min()) >= ratio[0] - 1e-4
    assert float(aspect.max()) <= ratio[1] + 1e-4
    assert float(torch.minimum(left, top).min()) >= -1e-3
    assert float((left + w).max()) <= width + 1e-3
    assert float((top + h).max()) <= height + 1e-3


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(("scale", "ratio"), RANGES)
def test_areas_ratios_and_positions_are_distributed_as_in_torchvision(
    scale: tuple[float, float], ratio: tuple[float, float], height: int, width: int
) -> None:
    ours = torch.stack(_boxes(scale, ratio, height, width))
    theirs = _torchvision(scale, ratio, height, width)
    at = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])

    def traits(box: torch.Tensor) -> torch.Tensor:
        left, top, w, h = box
        # The ratio on a log scale, halved: a spread about that of the others.
        return torch.stack(
            (w * h / (width * height), (w / h).log() / 2, left / width, top / height)
        )

    # Sampling error of a quantile of 3000 draws, twice, plus torchvision's whole pixels.
    torch.testing.assert_close(
        traits(ours).quantile(at, 1), traits(theirs).quantile(at, 1), atol=0.04, rtol=0
    )
    torch.testing.assert_close(traits(ours).mean(1), traits(theirs).mean(1), atol=0.02, rtol=0)


def test_a_crop_is_the_box_enlarged() -> None:
    images = smooth(4, 64, 64)
    rows = np.zeros((4, 1, layout.ROW), np.float32)
    rows[:, 0, layout.OP] = CODES["resample"]
    rows[:, 0, layout.MAP : layout.MAP + 6] = (0.5, 0, 16, 0, 0.5, 16)
    out = torch_ref.execute(PackedPlan(rows, (), frozenset()), images)
    theirs = reference.resized_crop(images, 16, 16, 32, 32, [64, 64], antialias=False)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))  # we see beyond the box
    assert distance(out[inner], theirs[inner]) <= 1.01  # they round to 8 bits twice


def test_the_whole_area_at_ratio_one_is_the_image_itself() -> None:
    images = smooth(3)
    out = apply(images, {"op": "random_resized_crop", "scale": [1, 1], "ratio": [1, 1]})
    assert distance(out, images) < 0.05


def test_a_ratio_that_never_fits_falls_back_to_the_largest_central_box() -> None:
    left, top, w, h = _boxes((1.0, 1.0), (2.0, 2.0), 64, 64)
    torch.testing.assert_close(w, torch.full((COUNT,), 64.0))
    torch.testing.assert_close(h, torch.full((COUNT,), 32.0))
    torch.testing.assert_close(top, torch.full((COUNT,), 16.0))
    assert float(left.abs().max()) < 1e-4
