"""Features of the reference encoder, computed once per set and kept on disk.

The reference is torchvision's MobileNetV2, trained with the labels of ImageNet; images are resized
to 128 pixels.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from benchmarks.datasets.labelled import Split
from benchmarks.datasets.sets import imagenet_mobilenet
from benchmarks.experiments.correlation.collect import DATA
from quarterturn.models.identifying import identify
from quarterturn.models.reading import read_pickle
from quarterturn.models.tensors import Weights, digest_of
from quarterturn.pretrain.spec import ReferenceSpec
from quarterturn.score.reference_features import encode_images

#: Of the pretraining images, the first so many: no label is read, so these serve.
IMAGES = 3000
_SPEC = ReferenceSpec(checkpoint="mobilenet_v2", encoder="mobilenet_v2", images=IMAGES)


@lru_cache(maxsize=1)
def load_weights() -> Weights:
    """Those of MobileNetV2, without its classifier."""
    tensors = identify(read_pickle(imagenet_mobilenet(DATA))).tensors
    return Weights(tensors, digest_of(tensors))


def reference_features(path: Path, parts: Split) -> torch.Tensor:
    """Those of the first `IMAGES` pretraining images, read from `path` if they were kept there."""
    if not path.exists():
        device = torch.device("cpu")
        images = parts.tensor("pretrain", device)[:IMAGES]
        features = encode_images(_SPEC, load_weights(), images, device)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(features.half(), partial)
        partial.replace(path)
    kept: torch.Tensor = torch.load(path, weights_only=True)
    return kept.float()
