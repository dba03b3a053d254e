"""What an exported torchvision file brings along: the stages of a policy on `transforms.v2`.

A stage takes and returns one float picture (3, h, w) in [0, 1]. Draws come from torch's generator,
so that the workers and epochs of a DataLoader differ, and `torch.set_rng_state` restores them; give
each rank of a distributed training a seed of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from quarterturn.export.runtimes.entry import check_tensor, fit_square, open_picture
from quarterturn.export.runtimes.shared import by_threes, colors_of, to_eight_bits

Stage = Callable[[torch.Tensor], torch.Tensor]
_SIGNED = (
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "contrast",
    "saturation",
    "brightness",
    "sharpness",
    "hue",
)


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))


def _happens(probability: float) -> bool:
    return float(torch.rand(())) < probability


def _affine(
    image: torch.Tensor,
    fill: list[float],
    translate: tuple[float, float],
    shear: tuple[float, float],
) -> torch.Tensor:
    # Shears are about the top-left corner.
    degrees = [math.degrees(math.atan(part)) for part in shear]
    return F.affine(
        image,
        angle=0.0,
        translate=list(translate),
        scale=1.0,
        shear=degrees,
        interpolation=v2.InterpolationMode.BILINEAR,
        fill=fill,
        center=[0.0, 0.0],
    )


def _bytes(image: torch.Tensor) -> torch.Tensor:
    return (image * 255.0).round().to(torch.uint8)


def _blur(image: torch.Tensor, sigma: float) -> torch.Tensor:
    if sigma < 0.01:
        return image
    # Reflection at the border reaches no further than the picture.
    radius = [min(math.ceil(3.0 * sigma), side - 1) for side in reversed(image.shape[-2:])]
    return F.gaussian_blur(image, [2 * r + 1 for r in radius], [sigma, sigma])


def _cutout(image: torch.Tensor, strength: float, fill: list[float]) -> torch.Tensor:
    height, width = image.shape[-2:]
    side = strength * width
    corner = (_uniform(0, width) - side / 2, _uniform(0, height) - side / 2)
    # Whole pixels whose centre lies in the square, which is moved inside at the left and the top.
    left, top = (math.ceil(max(edge, 0.0) - 0.5) for edge in corner)
    right, bottom = (math.ceil(max(edge, 0.0) + side - 0.5) for edge in corner)
    value = torch.tensor(fill, dtype=image.dtype, device=image.device).view(3, 1, 1)
    return F.erase(image, top, left, min(bottom, height) - top, min(right, width) - left, value)


def _apply(name: str, image: torch.Tensor, s: float, fill: list[float]) -> torch.Tensor:
    """One operation; `s` is the signed strength, in Quarterturn's unit."""
    height, width = image.shape[-2:]
    if name == "shear_x":
        return _affine(image, fill, (0.0, 0.0), (s, 0.0))
    if name == "shear_y":
        return _affine(image, fill, (0.0, 0.0), (0.0, s))
    if name == "translate_x":
        return _affine(image, fill, (-s * width, 0.0), (0.0, 0.0))
    if name == "translate_y":
        return _affine(image, fill, (0.0, -s * height), (0.0, 0.0))
    if name == "rotate":
        return F.rotate(image, s, interpolation=v2.InterpolationMode.BILINEAR, fill=fill)
    if name == "rotate90":
        quarter = 90.0 * int(torch.randint(1, 4, ()))
        return F.rotate(image, quarter, interpolation=v2.InterpolationMode.BILINEAR, fill=fill)
    if name == "solarize":
        threshold = 256.0 * (1.0 - s) / 255.0
        return F.solarize(image, threshold) if threshold <= 1.0 else image
    if name == "posterize":
        return F.posterize(_bytes(image), 8 - int(s)) / 255.0 if s >= 1 else image
    if name == "equalize":
        return F.equalize(_bytes(image)) / 255.0
    if name == "grayscale":
        return F.rgb_to_grayscale(image, num_output_channels=3)
    if name == "gaussian_blur":
        return _blur(image, s)
    if name == "gaussian_noise":
        return F.gaussian_noise(image, mean=0.0, sigma=s, clip=True)
    if name == "cutout":
        return _cutout(image, s, fill)
    if name == "hue":
        return F.adjust_hue(image, s)
    if name in ("brightness", "contrast", "saturation", "sharpness"):
        return getattr(F, f"adjust_{name}")(image, 1.0 + s)
    plain = {"auto_contrast": "autocontrast"}.get(name, name)  # invert and the flips: as they are
    return getattr(F, plain)(image)


class Operation(torch.nn.Module):
    """One operation with its probability, range of strengths, sign and fill (RGB in 0..255).

    A strength in pixels is that of pictures of `side` pixels, and grows with them.
    """

    def __init__(
        self,
        name: str,
        probability: float = 1.0,
        strength: tuple[float, float] = (0.0, 0.0),
        sign: str = "random",
        fill: tuple[int, int, int] = (0, 0, 0),
        side: int | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.probability = probability
        self.strength = strength
        self.sign = sign
        self.fill = [channel / 255.0 for channel in fill]
        self.side = side

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if not _happens(self.probability):
            return image
        low, high = self.strength
        strength = _uniform(low, high)
        if self.name == "posterize":
            strength = min(math.floor(_uniform(low, high + 1)), high)
        if self.name in _SIGNED:
            negative = _happens(0.5) if self.sign == "random" else self.sign == "negative"
            strength = -strength if negative else strength
        if self.side is not None:
            strength *= min(image.shape[-2:]) / self.side
        return _apply(self.name, image, strength, self.fill)

    def extra_repr(self) -> str:
        return f"{self.name}, probability={self.probability}, strength={self.strength}"


class RandomResizedCrop(torch.nn.Module):
    """v2.RandomResizedCrop to `size`, or to the size of the picture itself."""

    def __init__(
        self, probability: float, scale: tuple[float, float], ratio: tuple[float, float]
    ) -> None:
        super().__init__()
        self.probability = probability
        self.scale = scale
        self.ratio = ratio

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._cut(image, list(image.shape[-2:])) if _happens(self.probability) else image

    def sized(self, image: torch.Tensor, size: int) -> torch.Tensor:
        """A crop of it to (3, size, size)."""
        return self._cut(image, [size, size])

    def _cut(self, image: torch.Tensor, sides: list[int]) -> torch.Tensor:
        return v2.RandomResizedCrop(sides, scale=self.scale, ratio=self.ratio, antialias=True)(
            image
        )


class OneOf(torch.nn.Module):
    """Draw one branch by its weight and apply its stages in order."""

    def __init__(
        self, branches: Sequence[tuple[float, Sequence[Stage]]], probability: float = 1.0
    ) -> None:
        super().__init__()
        self.weights = torch.tensor([weight for weight, _ in branches])
        self.branches = [list(stages) for _, stages in branches]
        self.probability = probability

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if _happens(self.probability):
            for stage in self.branches[int(torch.multinomial(self.weights, 1))]:
                image = stage(image)
        return image


class Sample(torch.nn.Module):
    """Draw `count` of the operations and apply them in the order drawn."""

    def __init__(
        self, of: Sequence[Stage], count: int, replace: bool = True, probability: float = 1.0
    ) -> None:
        super().__init__()
        self.of = list(of)
        self.count = count
        self.replace = replace
        self.probability = probability

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if _happens(self.probability):
            weights = torch.ones(len(self.of))
            for index in torch.multinomial(weights, self.count, replacement=self.replace).tolist():
                image = self.of[index](image)
        return image


class Shuffle(Sample):
    """Apply all operations in an order drawn anew."""

    def __init__(self, of: Sequence[Stage], probability: float = 1.0) -> None:
        super().__init__(of, len(of), replace=False, probability=probability)


def _always_crops(stage: Stage) -> bool:
    """Whether it is a crop that is always applied, and so cuts squares from the original."""
    return isinstance(stage, RandomResizedCrop) and stage.probability == 1


class View(torch.nn.Module):
    """One view: takes a PIL image, or a tensor (c, h, w) or (n, c, h, w) of floats in [0, 1] or of
    integers as stored; returns alike, PIL images as RGB, integers as uint8.

    Each picture of a batch has draws of its own. Any number of channels is taken where no operation
    needs colors.

    Args:
        intensity: values of samples of more than 8 bits that are black and white.
        every: whether samples of 8 bits are shown from `intensity` too.
        fit: how pictures are made square where no crop does it: crop, pad or stretch.
        size: side of the squares to return: the crop is cut from the original. None: the size of
            the picture.
        check: whether floats are looked through for values outside [0, 1].
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        intensity: tuple[float, float] | None = None,
        every: bool = False,
        fit: str = "crop",
        size: int | None = None,
        check: bool = True,
    ) -> None:
        super().__init__()
        self.stages = list(stages)
        self.intensity = intensity
        self.every = every
        self.fit = fit
        self.size = size
        self.check = check

    def sized(self, size: int | None) -> View:
        """The same view to squares of another size."""
        return View(self.stages, self.intensity, self.every, self.fit, size, self.check)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, picture: Image.Image | torch.Tensor) -> Image.Image | torch.Tensor:
        if isinstance(picture, Image.Image):
            opened = open_picture(picture, self.intensity, self.every)
            return F.to_pil_image(_bytes(self._run(opened.float() / 255.0)))
        picture = check_tensor(picture, self.check).as_subclass(torch.Tensor)
        if not picture.is_floating_point():
            picture = to_eight_bits(picture, self.intensity, self.every)
        if picture.ndim == 4:
            return torch.stack([self._one(image) for image in picture])
        return self._one(picture)

    def _one(self, picture: torch.Tensor) -> torch.Tensor:
        if picture.dtype == torch.uint8:
            return _bytes(self._run(picture.float() / 255.0))
        return self._run(picture.float()).to(picture.dtype)

    def _run(self, image: torch.Tensor) -> torch.Tensor:
        return by_threes(image, self._transform, colors_of(self)).clamp(0.0, 1.0)

    def _transform(self, image: torch.Tensor) -> torch.Tensor:
        size = self.size
        if size is not None and not any(map(_always_crops, self.stages)):
            image, size = fit_square(image.unsqueeze(0), size, self.fit)[0], None
        for stage in self.stages:
            if size is not None and isinstance(stage, RandomResizedCrop) and _always_crops(stage):
                image, size = stage.sized(image, size), None
            else:
                image = stage(image)
        return image
