"""Features of a reference encoder, computed once per set of images and kept beside them."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from quarterturn.data.cache import DatasetCache
from quarterturn.models.encoders import build_encoder
from quarterturn.models.known import IMAGENET_MEAN, IMAGENET_STD
from quarterturn.models.naming import load_portable
from quarterturn.models.tensors import Weights
from quarterturn.pretrain.hardware import autocast
from quarterturn.pretrain.spec import ReferenceSpec
from quarterturn.score.reference import ReferenceTarget

_BATCH = 128
_FORMAT = 1
#: Images below which neighbors and a ridge say nothing.
MIN_IMAGES = 100
#: Parts of the images that are compared: those to select on, and those that selection never sees.
PARTS = ("pretrain", "report")


@torch.no_grad()
def encode_images(
    spec: ReferenceSpec, weights: Weights, images: torch.Tensor, device: torch.device
) -> torch.Tensor:
    """Pooled features (n, m), float32 on the CPU, of uint8 images (n, 3, s, s), resized."""
    assert spec.encoder is not None
    encoder = build_encoder(spec.encoder, spec.resolution)
    load_portable(encoder, weights.tensors)
    encoder = encoder.eval().to(device)
    mean, std = (
        torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD)
    )
    size = (spec.resolution, spec.resolution)
    features = []
    for batch in torch.split(images, _BATCH):
        enlarged = functional.interpolate(
            batch.to(device).float() / 255.0, size=size, mode="bicubic", antialias=True
        )
        normal = ((enlarged - mean) / std).contiguous(memory_format=torch.channels_last)
        with autocast(device):
            features.append(encoder(normal).float().cpu())
    return torch.cat(features) if features else torch.empty(0, encoder.dimension)


def _images(cache: DatasetCache, part: str, most: int) -> torch.Tensor:
    rows = torch.from_numpy(cache.split(part)[:most].copy())
    return rows.permute(0, 3, 1, 2)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """For one process of this machine at a time: the others then find the file."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def load_reference(
    folder: Path,
    cache: DatasetCache,
    spec: ReferenceSpec,
    weights: Weights,
    device: torch.device,
) -> dict[str, ReferenceTarget]:
    """What candidates are compared with on each of `PARTS`, those with `MIN_IMAGES` or more.

    The features of MobileNetV2 on 3,000 images take half a minute of a core; they are kept in
    `folder`, by the digest of the weights.

    Args:
        folder: of the decoded images that `cache` has open.
        spec: with digest and encoder filled in.
    """
    place = folder / "references"
    place.mkdir(exist_ok=True)
    name = f"{_FORMAT}-{weights.digest[:32]}-{spec.resolution}-{spec.images}.safetensors"
    path = place / name
    with _locked(place / f"{name}.lock"):
        if not path.exists():
            features = {
                part: encode_images(spec, weights, _images(cache, part, spec.images), device)
                for part in PARTS
            }
            partial = path.with_suffix(".partial")
            save_file({part: values.half() for part, values in features.items()}, partial)
            partial.replace(path)
    kept = load_file(path)
    return {
        part: ReferenceTarget.of(kept[part].float())
        for part in PARTS
        if len(kept[part]) >= MIN_IMAGES
    }
