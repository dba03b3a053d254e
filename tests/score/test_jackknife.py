"""The jackknife against what is known of means and of a non-linear number."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from quarterturn.score.jackknife import GROUPS, jackknife_error


def test_of_a_mean_it_is_the_error_of_the_means_of_the_groups() -> None:
    """Exactly: the mean without a group is the mean of the other groups' means."""
    values = torch.from_numpy(np.random.default_rng(0).normal(size=500))
    groups = [float(values[torch.arange(500) % GROUPS == g].mean()) for g in range(GROUPS)]
    expected = np.std(groups, ddof=1) / math.sqrt(GROUPS)
    assert jackknife_error(lambda index: float(values[index].mean()), 500) == pytest.approx(
        expected
    )


def test_of_a_non_linear_number_it_is_right_on_average() -> None:
    """The deviation of the logarithm of a variance over many samples, against its estimates."""
    rng = np.random.default_rng(1)
    found, errors = [], []
    for _ in range(300):
        sample = torch.from_numpy(rng.normal(size=200))
        found.append(math.log(float(sample.var())))
        errors.append(
            jackknife_error(lambda index, x=sample: math.log(float(x[index].var())), 200)  # type: ignore[misc]
        )
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.1)


def test_too_few_images_tell_nothing() -> None:
    assert jackknife_error(lambda index: float(index.sum()), 3) == 0.0
    assert jackknife_error(lambda index: float(index.sum()), 4) > 0.0
