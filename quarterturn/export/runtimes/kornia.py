"""What an exported kornia file brings along: the stages of a policy on batches.

A stage takes and returns float32 pictures (n, 3, h, w) in [0, 1], on CPU or GPU; every picture has
draws of its own, the order of operations included. They come from torch's generators: that of the
CPU and, for pictures on a GPU, its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import kornia
import torch

from quarterturn.export.runtimes.entry import check_tensor, fit_square
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


def _matrices(rows: Sequence[torch.Tensor | float], like: torch.Tensor) -> torch.Tensor:
    """(n, 3, 3) maps from output to input, in pixels from the top-left corner."""
    entries = [r if isinstance(r, torch.Tensor) else torch.full_like(like, r) for r in rows]
    last = [torch.zeros_like(like), torch.zeros_like(like), torch.ones_like(like)]
    return torch.stack([*entries, *last], 1).view(-1, 3, 3)


def _warp(images: torch.Tensor, maps: torch.Tensor, fill: torch.Tensor | None) -> torch.Tensor:
    """Resample by maps from output to input; without a fill the border is repeated."""
    height, width = images.shape[-2:]
    half = torch.eye(3, device=images.device).repeat(len(maps), 1, 1)
    half[:, :2, 2] = 0.5  # kornia counts from the centre of the first pixel
    centred = torch.linalg.inv(half) @ maps @ half
    return kornia.geometry.transform.warp_affine(
        images,
        torch.linalg.inv(centred)[:, :2],
        (height, width),
        mode="bilinear",
        padding_mode="border" if fill is None else "fill",
        align_corners=True,
        fill_value=fill,
    )


def _turn(images: torch.Tensor, degrees: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    y, x = (side / 2 for side in images.shape[-2:])
    cosine, sine = torch.deg2rad(degrees).cos(), torch.deg2rad(degrees).sin()
    rows = (cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y)
    return _warp(images, _matrices(rows, degrees), fill)


def _levels(images: torch.Tensor) -> torch.Tensor:
    """Rounded to 8 bits; a little above, because kornia cuts fractions off."""
    return ((images * 255.0).round() + 1e-3) / 255.0


def _auto_contrast(images: torch.Tensor) -> torch.Tensor:
    flat = images.amin((2, 3), keepdim=True) == images.amax((2, 3), keepdim=True)
    return torch.where(flat, images, kornia.enhance.normalize_min_max(images, 0.0, 1.0))


def _blur(images: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    reach = math.ceil(3.0 * float(sigma.max()))
    height, width = (2 * min(reach, side - 1) + 1 for side in images.shape[-2:])
    both = sigma.clamp_min(0.01).unsqueeze(1).expand(-1, 2)
    return kornia.filters.gaussian_blur2d(images, (height, width), both, border_type="reflect")


def _cutout(images: torch.Tensor, strength: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    count, _, height, width = images.shape
    side = (strength * width).view(-1, 1, 1)
    centre = torch.rand(count, 2, 1, 1, device=images.device)
    left = (centre[:, 0] * width - side / 2).clamp_min(0.0)
    top = (centre[:, 1] * height - side / 2).clamp_min(0.0)
    x = torch.arange(width, device=images.device).view(1, 1, -1) + 0.5
    y = torch.arange(height, device=images.device).view(1, -1, 1) + 0.5
    inside = (x >= left) & (x < left + side) & (y >= top) & (y < top + side)
    return torch.where(inside.unsqueeze(1), fill.view(1, 3, 1, 1), images)


def _apply(name: str, images: torch.Tensor, s: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    """One operation; `s` (n,) is the signed strength, in Quarterturn's unit."""
    height, width = images.shape[-2:]
    enhance = kornia.enhance
    rows: dict[str, Sequence[torch.Tensor | float]] = {
        "shear_x": (1, s, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, s, 1, 0),
        "translate_x": (1, 0, s * width, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, s * height),
    }
    if name in rows:
        return _warp(images, _matrices(rows[name], s), fill)
    if name == "rotate":
        return _turn(images, s, fill)
    if name == "rotate90":
        return _turn(images, 90.0 * torch.randint_like(s, 1, 4), fill)
    if name == "horizontal_flip":
        return kornia.geometry.transform.hflip(images)
    if name == "vertical_flip":
        return kornia.geometry.transform.vflip(images)
    if name == "brightness":
        return enhance.adjust_brightness_accumulative(images, 1.0 + s)
    if name == "contrast":
        return enhance.adjust_contrast_with_mean_subtraction(images, 1.0 + s)
    if name == "saturation":
        return enhance.adjust_saturation_with_gray_subtraction(images, 1.0 + s)
    if name == "sharpness":
        return enhance.sharpness(images, 1.0 + s)
    if name == "hue":
        return enhance.adjust_hue(images, 2.0 * math.pi * s)
    if name == "solarize":
        # Not enhance.solarize, whose threshold ends at 1: values from it on are inverted.
        threshold = (256.0 * (1.0 - s) / 255.0).view(-1, 1, 1, 1)
        return torch.where(images >= threshold, enhance.invert(images), images)
    if name == "posterize":
        posterized = enhance.posterize(_levels(images), 8 - s.int())
        return torch.where(s.view(-1, 1, 1, 1) >= 1, posterized, images)
    if name == "equalize":
        return enhance.equalize(_levels(images))
    if name == "invert":
        return enhance.invert(images)
    if name == "auto_contrast":
        return _auto_contrast(images)
    if name == "grayscale":
        return kornia.color.rgb_to_grayscale(images).expand(-1, 3, -1, -1)
    if name == "gaussian_blur":
        return _blur(images, s)
    if name == "gaussian_noise":
        return (images + s.view(-1, 1, 1, 1) * torch.randn_like(images)).clamp(0.0, 1.0)
    assert name == "cutout", name
    return _cutout(images, s, fill)


def _gate(images: torch.Tensor, probability: float) -> torch.Tensor:
    """The numbers of the pictures for which it happens."""
    return (torch.rand(len(images), device=images.device) < probability).nonzero().squeeze(1)


def _replace(images: torch.Tensor, index: torch.Tensor, stage: Stage) -> torch.Tensor:
    """`images` with the stage applied to the pictures of `index`."""
    return images.index_copy(0, index, stage(images[index])) if len(index) else images


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

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return _replace(images, _gate(images, self.probability), self._always)

    def _always(self, images: torch.Tensor) -> torch.Tensor:
        low, high = self.strength
        draws = torch.rand(2, len(images), device=images.device)
        strength = low + (high - low) * draws[0]
        if self.name == "posterize":
            strength = torch.floor(low + (high + 1 - low) * draws[0]).clamp_max(high)
        if self.name in _SIGNED:
            edge = {"random": 0.5, "positive": 0.0, "negative": 2.0}[self.sign]
            strength = torch.where(draws[1] < edge, -strength, strength)
        if self.side is not None:
            strength = strength * (min(images.shape[-2:]) / self.side)
        fill = torch.tensor(self.fill, device=images.device)
        return _apply(self.name, images, strength, fill)

    def extra_repr(self) -> str:
        return f"{self.name}, probability={self.probability}, strength={self.strength}"


class RandomResizedCrop(torch.nn.Module):
    """Crop a random area and aspect ratio to squares of `size`, or to the size of the picture;
    torchvision's rule.
    """

    def __init__(
        self, probability: float, scale: tuple[float, float], ratio: tuple[float, float]
    ) -> None:
        super().__init__()
        self.probability = probability
        self.scale = scale
        self.ratio = ratio

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return _replace(images, _gate(images, self.probability), self._always)

    def sized(self, images: torch.Tensor, size: int) -> torch.Tensor:
        """(n, 3, size, size), each cut from its original at whole pixels."""
        parts = []
        boxes = torch.stack(self._boxes(images), 1).round().int().tolist()
        for image, (left, top, width, height) in zip(images, boxes, strict=True):
            image = image[:, top : top + max(height, 1), left : left + max(width, 1)]
            parts.append(fit_square(image.unsqueeze(0), size, "stretch"))
        return torch.cat(parts) if parts else images.new_empty(0, 3, size, size)

    def _always(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[-2:]
        left, top, crop_width, crop_height = self._boxes(images)
        rows = (crop_width / width, 0.0, left, 0.0, crop_height / height, top)
        return _warp(images, _matrices(rows, left), None)

    def _boxes(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Left, top, width and height of the crops, each (n,) in pixels."""
        height, width = images.shape[-2:]
        draws = torch.rand(len(images), 22, device=images.device)
        area = (self.scale[0] + draws[:, :10] * (self.scale[1] - self.scale[0])) * height * width
        logs = [math.log(bound) for bound in self.ratio]
        aspect = torch.exp(logs[0] + draws[:, 10:20] * (logs[1] - logs[0]))
        widths, heights = (area * aspect).sqrt(), (area / aspect).sqrt()
        fits = (widths <= width) & (heights <= height)  # ten tries, then the largest in the middle
        first, found = fits.int().argmax(1, keepdim=True), fits.any(1)
        bounded = min(max(width / height, self.ratio[0]), self.ratio[1])
        most = (min(height * bounded, width), min(width / bounded, height))
        crop_width = torch.where(found, widths.gather(1, first).squeeze(1), most[0])
        crop_height = torch.where(found, heights.gather(1, first).squeeze(1), most[1])
        left = torch.where(found, draws[:, 20], 0.5) * (width - crop_width)
        top = torch.where(found, draws[:, 21], 0.5) * (height - crop_height)
        return left, top, crop_width, crop_height


class _Sequence:
    """The stages of a branch, one after the other."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = list(stages)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        for stage in self.stages:
            images = stage(images)
        return images


class OneOf(torch.nn.Module):
    """Draw one branch per picture by its weight and apply its stages in order."""

    def __init__(
        self, branches: Sequence[tuple[float, Sequence[Stage]]], probability: float = 1.0
    ) -> None:
        super().__init__()
        self.weights = torch.tensor([weight for weight, _ in branches])
        self.branches = [_Sequence(stages) for _, stages in branches]
        self.probability = probability

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return _replace(images, _gate(images, self.probability), self._always)

    def _always(self, images: torch.Tensor) -> torch.Tensor:
        drawn = torch.multinomial(self.weights, len(images), replacement=True).to(images.device)
        for number in sorted(set(drawn.tolist())):
            index = (drawn == number).nonzero().squeeze(1)
            images = _replace(images, index, self.branches[number])
        return images


class Sample(torch.nn.Module):
    """Draw `count` of the operations per picture and apply them in the order drawn."""

    def __init__(
        self, of: Sequence[Stage], count: int, replace: bool = True, probability: float = 1.0
    ) -> None:
        super().__init__()
        self.of = list(of)
        self.count = count
        self.replace = replace
        self.probability = probability

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return _replace(images, _gate(images, self.probability), self._always)

    def _always(self, images: torch.Tensor) -> torch.Tensor:
        weights = torch.ones(len(images), len(self.of), device=images.device)
        order = torch.multinomial(weights, self.count, replacement=self.replace)
        for drawn in order.unbind(1):
            for number in sorted(set(drawn.tolist())):
                index = (drawn == number).nonzero().squeeze(1)
                images = _replace(images, index, self.of[number])
        return images


class Shuffle(Sample):
    """Apply all operations, in an order drawn for each picture."""

    def __init__(self, of: Sequence[Stage], probability: float = 1.0) -> None:
        super().__init__(of, len(of), replace=False, probability=probability)


def _always_crops(stage: Stage) -> bool:
    """Whether it is a crop that is always applied, and so cuts squares from the original."""
    return isinstance(stage, RandomResizedCrop) and stage.probability == 1


class View(torch.nn.Module):
    """One view of a batch (n, c, h, w), or of one picture (c, h, w), of floats in [0, 1], or of
    integers as stored.

    Returns floats, of the dtype given. Any number of channels is taken where no operation needs
    colors.

    Args:
        intensity: values of integers of more than 8 bits that are black and white.
        every: whether those of 8 bits are shown from `intensity` too.
        fit: how pictures are made square where no crop does it: crop, pad or stretch.
        size: side of the squares to return: the crop is cut from the original. None: the size of
            the pictures.
        check: whether floats are looked through for values outside [0, 1], for which a GPU waits.
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
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        images = check_tensor(images, self.check).as_subclass(torch.Tensor)
        if not images.is_floating_point():
            images = to_eight_bits(images, self.intensity, self.every) / 255.0
        if images.ndim == 3:
            return self._run(images.unsqueeze(0))[0]
        return self._run(images)

    def _run(self, images: torch.Tensor) -> torch.Tensor:
        # Not in half precision: kornia's warps and filters need more.
        with torch.autocast(images.device.type, enabled=False):
            done = by_threes(images.float(), self._transform, colors_of(self))
        return done.clamp(0.0, 1.0).to(images.dtype)

    def _transform(self, images: torch.Tensor) -> torch.Tensor:
        size = self.size
        if size is not None and not any(map(_always_crops, self.stages)):
            images, size = fit_square(images, size, self.fit), None
        for stage in self.stages:
            if size is not None and isinstance(stage, RandomResizedCrop) and _always_crops(stage):
                images, size = stage.sized(images, size), None
            else:
                images = stage(images)
        return images
