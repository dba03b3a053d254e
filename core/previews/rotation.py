"""Whether rotation can be told on some images at all, measured before anything is trained.

The same linear probe that scores candidates is fitted on two kinds of features: the pixels, made
coarse, and what an encoder with random weights sees. Pixels give away what is in the same place in
all images, such as a sky above or a border; random convolutions also texture and outlines. No label
is read: the turns are made here.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from quarterturn.data.cache import DatasetCache
from quarterturn.pretrain.data import load_trial_data
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec
from quarterturn.score.features import ROTATIONS
from quarterturn.score.probe import rotation_probe
from quarterturn.score.untrained import untrained_rotation

#: Enough for an accuracy to within two or three percent, in a few seconds on one core.
_IMAGES = 500
_COARSE = 8
_ENCODER = "resnet_tiny"


def _coarse(images: torch.Tensor) -> torch.Tensor:
    """(4, n, d): the images in four turns, averaged to 8 x 8 pixels."""
    small = functional.adaptive_avg_pool2d(images.float() / 255.0, _COARSE)
    return torch.stack([torch.rot90(small, turn, (2, 3)).flatten(1) for turn in range(ROTATIONS)])


def measure(cache: DatasetCache) -> dict[str, float | int]:
    """Rotation accuracies, in [0, 1], of pixels and of an untrained encoder, with the sampling
    error of the first from the test images, and how many images were used.
    """
    data = load_trial_data(cache, torch.device("cpu"))
    train, test = data.probe_train[:_IMAGES], data.probe_test[:_IMAGES]
    pixels = rotation_probe(_coarse(train), _coarse(test), l2=1e-2)
    scoring = ScoringSpec(probe_train_images=_IMAGES, probe_test_images=_IMAGES)
    untrained = untrained_rotation(data, PretrainingSpec(encoder=_ENCODER), scoring, seed=0)
    return {
        "pixels": pixels.accuracy,
        "untrained": untrained,
        "sampling_error": pixels.sampling_error,
        "probe_train_images": len(train),
        "probe_test_images": len(test),
    }
