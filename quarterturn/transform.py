"""A policy as a callable for training code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import get_worker_info

from quarterturn.augment import RandomStreams, augment
from quarterturn.channels import RGB, by_threes, refuse_colors
from quarterturn.policy import Policy, parse_policy, read_policy
from quarterturn.reading import image_to_rgb, input_of, read_image, samples_to_uint8

_MAX_COLORS = 4


def _channels_last(shape: torch.Size) -> bool:
    """Whether channels lie where width belongs: a few values behind two sides of an image."""
    return not shape[-3] or shape[-1] <= _MAX_COLORS < min(shape[-3:-1])


class PolicyTransform:
    """Applies a policy to PIL images, arrays and batches of tensors.

    Images are taken as files hold them: samples of more than 8 bits are mapped to 8 bits by the
    intensity range of the search, which the policy carries. `read` opens a file that way.

    Each call draws anew; with a `seed` the sequence of calls is reproducible. In the workers of a
    DataLoader each worker and epoch draws differently; there the sequence follows from `seed` and
    from torch's seed (`torch.manual_seed`, or the loader's generator) together.
    """

    def __init__(self, policy: Policy, seed: int | None = None, window: str | None = None) -> None:
        self.policy = policy
        self.pictures = input_of(policy.input, window)
        self._seed = seed
        self._calls = 0

    def _draws(self, device: torch.device) -> RandomStreams:
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
        return RandomStreams(seed, self._calls, device=device)

    @overload
    def __call__(self, images: Image.Image, view: int = 0) -> Image.Image: ...
    @overload
    def __call__(self, images: NDArray[Any], view: int = 0) -> NDArray[Any]: ...
    @overload
    def __call__(self, images: torch.Tensor, view: int = 0) -> torch.Tensor: ...

    def __call__(
        self, images: Image.Image | NDArray[Any] | torch.Tensor, view: int = 0
    ) -> Image.Image | NDArray[Any] | torch.Tensor:
        """One augmented view.

        Args:
            images: a PIL image of any mode; an array (h, w) or (h, w, c) of samples as stored; or a
                tensor (n, c, h, w) or (c, h, w), of floats in [0, 1] or of integers as stored.
            view: 0 or 1, for policies with two different views.

        Returns:
            The same kind and shape, a PIL image as RGB; floats as floats, all others as uint8.

        Raises:
            ValueError: the images have another shape or dtype.
            InvalidInputError: `intensity_range_needed`, the policy has none for samples of more
                than 8 bits; `colors_needed`, it has color operations, and the images no colors.
        """
        if isinstance(images, Image.Image):
            rgb = np.asarray(image_to_rgb(images, self.pictures))
            return Image.fromarray(self._array(rgb, view))
        if isinstance(images, np.ndarray):
            if images.ndim not in (2, 3):
                raise ValueError(f"expected (h, w) or (h, w, c), got {images.shape}")
            return self._array(samples_to_uint8(images, self.pictures), view)
        if images.ndim not in (3, 4) or _channels_last(images.shape):
            raise ValueError(
                f"expected (n, c, h, w) or (c, h, w), got {tuple(images.shape)}; "
                "channels come before height and width"
            )
        if images.is_complex() or images.dtype == torch.bool:
            raise ValueError(f"expected integers or float in [0, 1], got {images.dtype}")
        if not images.is_floating_point():
            images = self._mapped(images)
        if images.ndim == 3:
            return self._apply(images.unsqueeze(0), view)[0]
        return self._apply(images, view)

    def _mapped(self, images: torch.Tensor) -> torch.Tensor:
        intensity = self.pictures.intensity
        if images.dtype == torch.uint8 and (intensity is None or intensity.of == "deep"):
            return images
        mapped = samples_to_uint8(images.cpu().numpy(), self.pictures)
        return torch.from_numpy(mapped).to(images.device)

    def _array(self, pixels: NDArray[np.uint8], view: int) -> NDArray[np.uint8]:
        planes = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1)
        result = self._apply(planes.unsqueeze(0), view)[0].permute(1, 2, 0)
        return result.contiguous().numpy().reshape(pixels.shape)

    def read(self, path: str | Path, number: int = 0, size: int | None = None) -> Image.Image:
        """One picture of a file of any format, such as DICOM: RGB, as the search saw it.

        Args:
            number: of the pictures of the file (frames, slices, pages), from 0.
            size: side in pixels of a square, by the search's crop, pad or stretch; at its
                resolution the pixels are those of the search. None is the file's own size.

        Raises:
            InvalidInputError: `path_not_found`, `no_images` or `intensity_range_needed`.
        """
        return read_image(path, self.pictures, number, size)

    def _apply(self, images: torch.Tensor, view: int) -> torch.Tensor:
        draws = self._draws(images.device)
        stages = self.policy.view(view)
        if images.shape[1] == RGB:
            result = augment(images, stages, draws, view=view)
        else:
            refuse_colors(self.policy, images.shape[1])
            result = by_threes(images, lambda part: augment(part, stages, draws, view=view))
        if images.dtype == torch.uint8:
            return (result * 255.0).round().to(torch.uint8)
        return result.to(images.dtype)

    def two_views(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Two independent views of a batch, as contrastive methods take them."""
        return self(images, 0), self(images, 1)

    def __repr__(self) -> str:
        return f"PolicyTransform({self.policy.name!r})"


def load_policy(
    source: str | Path | dict[str, Any], seed: int | None = None, window: str | None = None
) -> PolicyTransform:
    """Load a policy file, or a policy document.

    Args:
        window: sample values shown as black and white, such as "0:4095", instead of those of the
            policy.

    Raises:
        quarterturn.errors.InvalidInputError: it is no valid policy of a schema version known here.
    """
    policy = parse_policy(source) if isinstance(source, dict) else read_policy(source)
    return PolicyTransform(policy, seed, window)
