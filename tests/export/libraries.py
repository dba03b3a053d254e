"""Loading exports in the real libraries, and applying them to pictures."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

from quarterturn.export import Export, Options, export
from quarterturn.policy import Policy

SIZE = 32
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for its version

#: Pictures (n, 3, h, w) uint8 to pictures float in [0, 1].
Apply = Callable[[torch.Tensor], torch.Tensor]


def module(text: str) -> types.ModuleType:
    """An exported file, imported as a user would."""
    found = types.ModuleType("policy")
    exec(compile(text, "policy.py", "exec"), found.__dict__)
    return found


def _array(picture: torch.Tensor) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def _floats(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(array)).permute(2, 0, 1).float() / 255.0


def _torchvision(made: Export, view: int) -> Apply:
    file = module(made.text)
    stage = file.second_view if view else file.first_view
    return lambda pictures: torch.stack([stage(picture.float() / 255.0) for picture in pictures])


def _lightly(made: Export, view: int) -> Apply:
    transform = module(made.text).PolicyTransform()
    return lambda pictures: torch.stack(
        [transform(Image.fromarray(_array(picture)))[view] for picture in pictures]
    )


def _kornia(made: Export, view: int) -> Apply:
    file = module(made.text)
    stage = file.second_view if view else file.first_view
    return lambda pictures: stage(pictures.float() / 255.0)  # type: ignore[no-any-return]


def _albumentations(made: Export, view: int) -> Apply:
    file = module(made.text)
    transform = file.second_view if view else file.first_view
    return lambda pictures: torch.stack(
        [_floats(transform(image=_array(picture))["image"]) for picture in pictures]
    )


def _timm(made: Export, view: int) -> Apply:
    file = module(made.text)
    transform = file.second_view if view else file.first_view
    return lambda pictures: torch.stack(
        [_floats(transform(Image.fromarray(_array(picture)))) for picture in pictures]
    )


_LOADERS: dict[str, Callable[[Export, int], Apply]] = {
    "torchvision": _torchvision,
    "lightly": _lightly,
    "kornia": _kornia,
    "albumentations": _albumentations,
    "timm": _timm,
}


def load(policy: Policy, library: str, view: int = 0) -> Apply:
    """A view of the policy, exported to a library and loaded there."""
    return _LOADERS[library](export(policy, library, Options(size=SIZE, view=view)), view)
