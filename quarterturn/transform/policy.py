"""A policy as a callable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from quarterturn.augment import RandomStreams, augment
from quarterturn.channels import RGB, by_threes, refuse_colors
from quarterturn.errors import InvalidInputError
from quarterturn.policy import Policy, parse_policy, read_policy
from quarterturn.policy.schema import RandomResizedCrop, Stage
from quarterturn.policy.searched import searched_side
from quarterturn.policy.sizes import crop_place, rescaled
from quarterturn.reading import image_to_rgb, input_of, read_image, samples_to_uint8
from quarterturn.transform.checks import check_array, check_range, check_tensor, refuse_kind
from quarterturn.transform.sizing import cropped, fitted
from quarterturn.transform.streams import current_rank, seed_of_call, seed_of_step

_Step = int | Sequence[int]


class PolicyTransform:
    """Applies a policy to PIL images, arrays and batches of tensors.

    Images are taken as files hold them: samples of more than 8 bits are mapped to 8 bits by the
    intensity range of the search, which the policy carries. `read` opens a file that way.

    Without a seed, draws follow torch's generator. With one, they follow (seed, rank, worker,
    call), and `state_dict` holds where that stands; a call with `step` follows (seed, step) alone.
    See `quarterturn.transform.streams`.

    Attributes:
        seed: of the draws, or None.
        calls: how many calls without `step` there were, with a seed: part of the state.
        size: side of the squares that are returned, or None for the size of the images.
    """

    def __init__(
        self,
        policy: Policy,
        seed: int | None = None,
        window: str | None = None,
        *,
        size: int | None = None,
        check: bool = True,
        rescale: bool = True,
    ) -> None:
        if size is not None and size < 1:
            raise InvalidInputError("size must be 1 pixel or more.", code="invalid_size")
        self.policy = policy
        self.pictures = input_of(policy.input, window)
        self.seed, self.size = seed, size
        self.calls = 0
        self._check = check
        self._side = searched_side(policy) if rescale else None
        self._rank: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        # A spawned worker is in no process group: it takes the rank along.
        return {**self.__dict__, "_rank": self.rank}

    @property
    def rank(self) -> int:
        """The rank whose draws these are; it goes along to spawned workers."""
        return current_rank() if self._rank is None else self._rank

    def state_dict(self) -> dict[str, Any]:
        """Where the sequence of calls stands, for a checkpoint.

        Without a seed that is the state of torch's generator (`torch.get_rng_state`), not this.
        """
        return {"seed": self.seed, "calls": self.calls}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Raises:
            InvalidInputError: `invalid_state`, it is of another kind of object.
        """
        if set(state) != {"seed", "calls"}:
            raise InvalidInputError(
                "This is no state of a PolicyTransform. Give what its state_dict returned.",
                code="invalid_state",
            )
        self.seed, self.calls = state["seed"], state["calls"]

    def _draws(self, device: torch.device, step: _Step | None) -> RandomStreams:
        if step is None:
            self.calls += self.seed is not None  # without one, torch's generator is the state
            return RandomStreams(seed_of_call(self.seed, self.rank), self.calls, device=device)
        if self.seed is None:
            raise InvalidInputError(
                "Draws of a step follow from a seed. Load the policy with one: "
                "load_policy(path, seed=0).",
                code="seed_needed",
            )
        return RandomStreams(seed_of_step(self.seed, step), device=device)

    @overload
    def __call__(
        self, images: Image.Image, view: int = 0, *, step: _Step | None = None
    ) -> Image.Image: ...
    @overload
    def __call__(
        self, images: NDArray[Any], view: int = 0, *, step: _Step | None = None
    ) -> NDArray[Any]: ...
    @overload
    def __call__(
        self, images: torch.Tensor, view: int = 0, *, step: _Step | None = None
    ) -> torch.Tensor: ...

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def __call__(
        self,
        images: Image.Image | NDArray[Any] | torch.Tensor,
        view: int = 0,
        *,
        step: _Step | None = None,
    ) -> Image.Image | NDArray[Any] | torch.Tensor:
        """One augmented view.

        Args:
            images: a PIL image of any mode; an array (h, w) or (h, w, c) of samples as stored; or a
                tensor (n, c, h, w) or (c, h, w), of floats in [0, 1] or of integers as stored.
            view: 0 or 1, for policies with two different views.
            step: names the draws, such as (epoch, index), so that they follow from the seed and it
                alone; give the images of one call another step than those of the next.

        Returns:
            The same kind and shape, a PIL image as RGB; floats as floats, all others as uint8. With
            a `size` squares of it.

        Raises:
            WrongImagesError: the images have another kind, shape or dtype, or floats are outside
                [0, 1]: of 0..255, or normalized before.
            InvalidInputError: `intensity_range_needed`, the policy has none for samples of more
                than 8 bits; `colors_needed`, it has color operations, and the images no colors;
                `seed_needed`, a step without a seed.
        """
        if isinstance(images, Image.Image):
            rgb = np.asarray(image_to_rgb(images, self.pictures))
            return Image.fromarray(self._array(rgb, view, step))
        if isinstance(images, np.ndarray):
            check_array(images)
            return self._array(samples_to_uint8(images, self.pictures), view, step)
        if not isinstance(images, torch.Tensor):
            raise refuse_kind(images)
        check_tensor(images)
        if not images.is_floating_point():
            images = self._mapped(images)
        elif self._check:
            check_range(images)
        if images.ndim == 3:
            return self._apply(images.unsqueeze(0), view, step)[0]
        return self._apply(images, view, step)

    def _mapped(self, images: torch.Tensor) -> torch.Tensor:
        intensity = self.pictures.intensity
        if images.dtype == torch.uint8 and (intensity is None or intensity.of == "deep"):
            return images
        mapped = samples_to_uint8(images.cpu().numpy(), self.pictures)
        return torch.from_numpy(mapped).to(images.device)

    def _array(self, pixels: NDArray[np.uint8], view: int, step: _Step | None) -> NDArray[np.uint8]:
        planes = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1)
        result = self._apply(planes.unsqueeze(0), view, step)[0].permute(1, 2, 0)
        array = result.contiguous().numpy()
        return array if pixels.ndim == 3 else array[..., 0]

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

    def _apply(self, images: torch.Tensor, view: int, step: _Step | None) -> torch.Tensor:
        draws = self._draws(images.device, step)
        if images.shape[1] == RGB:
            result = self._view(images, view, draws)
        else:
            refuse_colors(self.policy, images.shape[1])
            result = by_threes(images, lambda part: self._view(part, view, draws))
        if images.dtype == torch.uint8:
            return (result * 255.0).round().to(torch.uint8)
        return result.to(images.dtype)

    def _view(self, images: torch.Tensor, view: int, draws: RandomStreams) -> torch.Tensor:
        """float32 (n, 3, h, w) in [0, 1], of the size asked for."""
        stages = self.policy.view(view)
        if self.size is None:
            return self._stages(images, stages, view, draws)
        place = crop_place(stages)
        if place is None:
            return self._stages(fitted(images, self.size, self.pictures.fit), stages, view, draws)
        if place:
            # Draws of its own: the streams of the stages behind begin at their first again.
            before = RandomStreams(
                draws.generator(f"{view}/before").initial_seed(), device=images.device
            )
            images = self._stages(images, stages[:place], view, before)
        crop = stages[place]
        assert isinstance(crop, RandomResizedCrop)
        images = cropped(images, self.size, crop, draws, view)
        return self._stages(images, stages[place + 1 :], view, draws)

    def _stages(
        self, images: torch.Tensor, stages: Sequence[Stage], view: int, draws: RandomStreams
    ) -> torch.Tensor:
        side = min(images.shape[-2:])
        if self._side is not None and side != self._side:
            stages = rescaled(stages, side / self._side)
        return augment(images, stages, draws, view=view)

    def two_views(
        self, images: torch.Tensor, *, step: _Step | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Two independent views of a batch, as contrastive methods take them."""
        return self(images, 0, step=step), self(images, 1, step=step)

    def __repr__(self) -> str:
        return f"PolicyTransform({self.policy.name!r})"


def load_policy(
    source: str | Path | dict[str, Any],
    seed: int | None = None,
    window: str | None = None,
    *,
    size: int | None = None,
    check: bool = True,
    rescale: bool = True,
) -> PolicyTransform:
    """Load a policy file, or a policy document.

    Args:
        seed: of the draws; without one they follow torch's generator.
        window: sample values shown as black and white, such as "0:4095", instead of those of the
            policy.
        size: side of the squares to return, in pixels: a crop of the policy is cut from the
            original image; without a crop, or before one that is not always applied, the image is
            made square as in the search. By default the images keep their size.
        check: whether floats are looked through for values outside [0, 1].
        rescale: whether blurs, which are in pixels of the size that was searched at, grow with the
            images.

    Raises:
        quarterturn.errors.InvalidInputError: it is no valid policy of a schema version known here.
    """
    policy = parse_policy(source) if isinstance(source, dict) else read_policy(source)
    return PolicyTransform(policy, seed, window, size=size, check=check, rescale=rescale)
