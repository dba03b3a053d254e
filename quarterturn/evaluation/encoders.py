"""Encoders of any origin as one function: images to pooled features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch.nn import functional

from quarterturn.errors import (
    InvalidInputError,
    QuarterturnError,
    UnavailableError,
    library_missing,
)
from quarterturn.models.known import IMAGENET_MEAN, IMAGENET_STD

#: A file of weights; `timm:NAME`, `torchvision:NAME` or `hub:OWNER/REPOSITORY:NAME`; or a function
#: of images (n, 3, s, s), float32 in [0, 1], to features (n, d), such as a torch module.
EncoderSource = str | Path | Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class OpenEncoder:
    """An encoder, ready to be asked.

    Attributes:
        name: as people know it.
        encode: float images (n, 3, s, s) in [0, 1] on the device, to features (n, d).
    """

    name: str
    encode: Callable[[torch.Tensor], torch.Tensor]


def _module(
    name: str,
    module: torch.nn.Module,
    device: torch.device,
    side: int | None,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> OpenEncoder:
    """A module that expects normalized images, of `side` pixels where that is given."""
    module = module.eval().to(device)
    shift, scale = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (mean, std))

    def encode(images: torch.Tensor) -> torch.Tensor:
        if side is not None and images.shape[-1] != side:
            images = functional.interpolate(images, (side, side), mode="bicubic", antialias=True)
        features: torch.Tensor = module((images - shift) / scale)
        return features

    return OpenEncoder(name, encode)


def _of_file(path: Path, device: torch.device, resolution: int, side: int | None) -> OpenEncoder:
    from quarterturn.encoder import load_encoder
    from quarterturn.models.encoders import build_encoder
    from quarterturn.models.identifying import identify
    from quarterturn.models.naming import load_portable
    from quarterturn.models.reading import read_any

    if not path.is_file():
        raise InvalidInputError(f"There is no file at {path}.", code="path_not_found")
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as opened:
            ours = "architecture" in (opened.metadata() or {})
        if ours:
            encoder = load_encoder(path).to(device)
            return OpenEncoder(path.name, encoder)
    found = identify(read_any(path))
    network = build_encoder(found.encoder, side or resolution)
    load_portable(network, found.tensors)
    return _module(path.name, network, device, side)


def _of_timm(name: str, device: torch.device, side: int | None) -> OpenEncoder:
    try:
        import timm
    except ImportError:
        raise library_missing("timm", "An encoder of timm", "'quarterturn[timm]'") from None
    model = timm.create_model(name, pretrained=True, num_classes=0)
    given: dict[str, Any] = vars(model)["pretrained_cfg"]
    side = side or int(given["input_size"][-1])
    return _module(f"timm:{name}", model, device, side, given["mean"], given["std"])


def _of_torchvision(name: str, device: torch.device, side: int | None) -> OpenEncoder:
    from torchvision.models import get_model

    model = get_model(name, weights="DEFAULT")
    for head in ("fc", "classifier", "head", "heads"):
        if hasattr(model, head):
            setattr(model, head, torch.nn.Identity())
            break
    return _module(f"torchvision:{name}", model, device, side or 224)


def _of_hub(named: str, device: torch.device, side: int | None) -> OpenEncoder:
    repository, _, name = named.rpartition(":")
    model: torch.nn.Module = torch.hub.load(repository, name, trust_repo=True)  # type: ignore[no-untyped-call]
    return _module(f"hub:{named}", model, device, side or 224)


def _published(source: str, device: torch.device, side: int | None) -> OpenEncoder:
    library, _, name = source.partition(":")
    openers = {"timm": _of_timm, "torchvision": _of_torchvision, "hub": _of_hub}
    try:
        return openers[library](name, device, side)
    except QuarterturnError:
        raise
    except Exception as error:  # whatever these libraries and the network raise
        raise UnavailableError(
            f"{source} cannot be had ({type(error).__name__}: {error}). Check its name and the "
            "network, or give a file of weights.",
            code="weights_unreachable",
        ) from None


def open_encoder(
    source: EncoderSource, device: torch.device, resolution: int, side: int | None = None
) -> OpenEncoder:
    """An encoder of a file, of a library, or of the caller's own.

    Args:
        resolution: of the images, in pixels.
        side: pixels to which images are resized for it; by default published encoders have their
            own, and all others take the images as they are.

    Raises:
        InvalidInputError: `path_not_found`, `invalid_checkpoint`, `checkpoint_does_not_fit`.
        UnavailableError: `library_missing`, `weights_unreachable`.
    """
    if callable(source):
        name = getattr(source, "__name__", type(source).__name__)
        if isinstance(source, torch.nn.Module):
            source = source.eval().to(device)
        return OpenEncoder(name, source)
    text = str(source)
    if text.partition(":")[0] in ("timm", "torchvision", "hub") and ":" in text:
        return _published(text, device, side)
    return _of_file(Path(text), device, resolution, side)


@torch.no_grad()
def features_of(
    encoder: OpenEncoder, images: torch.Tensor, device: torch.device, turn: int = 0
) -> torch.Tensor:
    """Features (n, d), float32 on the CPU, of uint8 images (n, 3, s, s) turned by quarters.

    Raises:
        InvalidInputError: `invalid_encoder`, it does not give one row of finite numbers an image.
    """
    found = []
    for batch in torch.split(images, 64):
        turned = torch.rot90(batch.to(device).float() / 255.0, turn, (2, 3)).contiguous()
        try:
            rows = encoder.encode(turned)
        except QuarterturnError:
            raise
        except Exception as error:  # whatever a caller's function raises
            raise InvalidInputError(
                f"{encoder.name} cannot encode images of {turned.shape[-1]} pixels "
                f"({type(error).__name__}: {error}).",
                code="invalid_encoder",
            ) from error
        if not (isinstance(rows, torch.Tensor) and rows.ndim == 2 and len(rows) == len(batch)):
            shape = tuple(rows.shape) if isinstance(rows, torch.Tensor) else type(rows).__name__
            raise InvalidInputError(
                f"{encoder.name} gives {shape} for {len(batch)} images; give features "
                f"({len(batch)}, d).",
                code="invalid_encoder",
            )
        found.append(rows.detach().float().cpu())
    features = torch.cat(found)
    if not bool(torch.isfinite(features).all()):
        raise InvalidInputError(
            f"{encoder.name} gives features that are not finite.", code="invalid_encoder"
        )
    return features
