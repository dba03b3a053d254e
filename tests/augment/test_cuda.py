"""The same interpreter on a GPU."""

from __future__ import annotations

import pytest
import torch

from quarterturn.augment import RandomStreams, two_views
from quarterturn.policy import parse_policy
from quarterturn.policy.operations import OPERATIONS
from tests.augment.images import smooth
from tests.policy.examples import RECIPES

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_turn_images_into_images_reproducibly(name: str) -> None:
    images = smooth(8, 24, 40).cuda()
    once, again = (
        two_views(images, RECIPES[name], RandomStreams(3, device=images.device)) for _ in range(2)
    )
    for view, same in zip(once, again, strict=True):
        assert view.is_cuda
        assert view.shape == images.shape
        assert torch.isfinite(view).all()
        assert 0.0 <= float(view.min()) <= float(view.max()) <= 1.0
        assert torch.equal(view, same)


@pytest.mark.parametrize("op", [name for name in OPERATIONS if name != "rotate90"])
def test_what_is_not_random_is_the_same_as_on_the_cpu(op: str) -> None:
    info = OPERATIONS[op]
    if op in ("gaussian_noise", "cutout"):
        pytest.skip("draws numbers, and those of a GPU are others")
    stage = {"op": op, "strength": info.search_limit} if info.has_strength else {"op": op}
    if info.signed:
        stage["sign"] = "positive"
    policy = parse_policy({"views": [[stage]]})
    images = smooth(4)
    cpu = two_views(images, policy, RandomStreams(0))[0]
    gpu = two_views(images.cuda(), policy, RandomStreams(0, device="cuda"))[0].cpu()
    # Single pixels at a threshold or an edge may fall to the other side.
    assert float(((cpu - gpu).abs() > 1e-3).float().mean()) < 0.002
