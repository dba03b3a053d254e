"""Several batches processed together come out as each does alone."""

from __future__ import annotations

import pytest
import torch

from quarterturn.augment import RandomStreams, apply, two_views, two_views_of_all
from quarterturn.augment.backends import torch_ref
from quarterturn.augment.normalization import Normalization
from quarterturn.policy import parse_policy
from quarterturn.policy.recipes import BASELINES
from tests.augment.images import smooth
from tests.policy.examples import RECIPES

NORMALISATION = Normalization(torch.full((1, 3, 1, 1), 0.4), torch.full((1, 3, 1, 1), 0.2))
NOISE = parse_policy(
    {"views": [[{"op": "gaussian_noise", "strength": [0.05, 0.2], "probability": 0.6}] * 2]}
)


@pytest.mark.parametrize("kernels", [True, False])
def test_of_all_is_of_each(monkeypatch: pytest.MonkeyPatch, kernels: bool) -> None:
    if not kernels:
        monkeypatch.setattr(apply, "choose_backend", lambda *_: torch_ref.execute)
    policies = [*(recipe() for recipe in BASELINES.values()), *RECIPES.values(), NOISE, NOISE]
    batches = [
        (smooth(8, 24, 24, seed=place % 3), policy, RandomStreams(place % 3, 5))
        for place, policy in enumerate(policies)
    ]
    first, second = two_views_of_all(batches, NORMALISATION)
    assert first.shape == (len(batches), 8, 3, 24, 24)
    for place, batch in enumerate(batches):
        one, other = two_views(*batch, NORMALISATION)
        torch.testing.assert_close(first[place], one, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(second[place], other, atol=1e-5, rtol=1e-5)
    assert not torch.equal(first[-1], first[-2]), "another seed draws other noise"
