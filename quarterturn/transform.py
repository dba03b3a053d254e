"""A policy as a callable for training code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from PIL import Image
from torch.utils.data import get_worker_info

from quarterturn.augment import Draws, augment
from quarterturn.policy import Policy, parse_policy, read_policy


class PolicyTransform:
    """Applies a policy to PIL images and to batches of tensors.

    Each call draws anew; with a `seed` the sequence of calls is reproducible. In the workers of a
    DataLoader each worker and epoch draws differently; there the sequence follows from `seed` and
    from torch's seed (`torch.manual_seed`, or the loader's generator) together.
    """

    def __init__(self, policy: Policy, seed: int | None = None) -> None:
        self.policy = policy
        self._seed = seed
        self._calls = 0

    def _draws(self, device: torch.device) -> Draws:
        worker = get_worker_info()
        if self._seed is None:
            # torch's seed differs between DataLoader workers and epochs, as users expect.
            seed = int(torch.randint(2**62, ()).item())
        elif worker is not None:
            # Each worker has a copy of this object, which starts anew every epoch.
            seed = self._seed ^ worker.seed
        else:
            seed = self._seed
        self._calls += 1
        return Draws(seed, self._calls, device=device)

    @overload
    def __call__(self, images: Image.Image, view: int = 0) -> Image.Image: ...
    @overload
    def __call__(self, images: torch.Tensor, view: int = 0) -> torch.Tensor: ...

    def __call__(
        self, images: Image.Image | torch.Tensor, view: int = 0
    ) -> Image.Image | torch.Tensor:
        """One augmented view.

        Args:
            images: a PIL image, or a tensor (n, 3, h, w) or (3, h, w), uint8 or float in [0, 1].
            view: 0 or 1, for policies with two different views.

        Returns:
            The same kind, shape and dtype.

        Raises:
            ValueError: the tensor has another shape or dtype.
        """
        if isinstance(images, Image.Image):
            array = torch.from_numpy(np.asarray(images.convert("RGB")).copy())
            result = self._apply(array.permute(2, 0, 1).unsqueeze(0), view)[0]
            return Image.fromarray(result.permute(1, 2, 0).contiguous().numpy())
        if images.ndim not in (3, 4) or images.shape[-3] != 3:
            raise ValueError(
                f"expected (n, 3, h, w) or (3, h, w), got {tuple(images.shape)}; "
                "repeat grey images over three channels"
            )
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise ValueError(f"expected uint8 or float in [0, 1], got {images.dtype}; convert it")
        if images.ndim == 3:
            return self._apply(images.unsqueeze(0), view)[0]
        return self._apply(images, view)

    def _apply(self, images: torch.Tensor, view: int) -> torch.Tensor:
        draws = self._draws(images.device)
        result = augment(images, self.policy.view(view), draws, view=view)
        if images.dtype == torch.uint8:
            return (result * 255.0).round().to(torch.uint8)
        return result.to(images.dtype)

    def two_views(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Two independent views of a batch, as contrastive methods take them."""
        return self(images, 0), self(images, 1)

    def __repr__(self) -> str:
        return f"PolicyTransform({self.policy.name!r})"


def load_policy(source: str | Path | dict[str, Any], seed: int | None = None) -> PolicyTransform:
    """Load a policy file, or a policy document.

    Raises:
        quarterturn.errors.InvalidInputError: it is no valid policy of a schema version known here.
    """
    policy = parse_policy(source) if isinstance(source, dict) else read_policy(source)
    return PolicyTransform(policy, seed)
