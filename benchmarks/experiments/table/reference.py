"""Features of the reference encoder, computed once per set and kept on disk.

The reference is torchvision's MobileNetV2, trained with the labels of ImageNet; images are resized
to 128 pixels.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from torch.nn import functional

from benchmarks.datasets.labelled import Split
from benchmarks.datasets.sets import imagenet_mobilenet
from benchmarks.experiments.correlation.collect import DATA
from quarterturn.models.encoders import TorchvisionMobileNet
from quarterturn.pretrain.hardware import autocast

#: Of the pretraining images, the first so many: no label is read, so these serve.
IMAGES = 3000
RESOLUTION = 128
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH = 128


@lru_cache(maxsize=1)
def load_reference() -> torch.nn.Module:
    """MobileNetV2 without its classifier, in evaluation mode."""
    encoder = TorchvisionMobileNet()
    weights = torch.load(imagenet_mobilenet(DATA), weights_only=True, map_location="cpu")
    features = {name: value for name, value in weights.items() if not name.startswith("classifier")}
    encoder.network.load_state_dict(features)
    return encoder.eval()


@torch.no_grad()
def encode_images(images: torch.Tensor) -> torch.Tensor:
    """Pooled features (n, 1280), float32, of uint8 images (n, 3, s, s), on the CPU."""
    encoder = load_reference()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _STD))
    features = []
    for batch in torch.split(images, _BATCH):
        enlarged = functional.interpolate(
            batch.float() / 255.0, size=(RESOLUTION, RESOLUTION), mode="bicubic", antialias=True
        )
        normal = ((enlarged - mean) / std).contiguous(memory_format=torch.channels_last)
        with autocast(images.device):
            features.append(encoder(normal).float())
    return torch.cat(features)


def reference_features(path: Path, parts: Split) -> torch.Tensor:
    """Those of the first `IMAGES` pretraining images, read from `path` if they were kept there."""
    if not path.exists():
        features = encode_images(parts.tensor("pretrain", torch.device("cpu"))[:IMAGES])
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(features.half(), partial)
        partial.replace(path)
    kept: torch.Tensor = torch.load(path, weights_only=True)
    return kept.float()
