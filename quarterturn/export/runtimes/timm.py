"""What an exported timm file brings along: timm's own transforms as a view.

timm draws from the generators of Python, NumPy and torch; a DataLoader seeds all three in each
worker and epoch. Give each rank of a distributed training seeds of its own.
"""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from timm.data.auto_augment import rand_augment_transform
from timm.data.transforms_factory import create_transform
from torchvision.transforms import Compose

from quarterturn.export.runtimes.entry import open_picture


class View:
    """One view: takes a PIL image and returns one, RGB.

    Args:
        create: arguments of `timm.data.create_transform`.
        rand: of `timm.data.auto_augment.rand_augment_transform`, which goes behind the crop and the
            flips; None for no RandAugment.
        intensity: values of PIL images of more than 8 bits that are black and white.
        size: side of the squares to return, or None for the size of the picture.
    """

    def __init__(
        self,
        create: dict[str, Any],
        rand: dict[str, Any] | None,
        intensity: tuple[float, float] | None = None,
        size: int | None = None,
    ) -> None:
        self.create, self.rand = create, rand
        self.intensity = intensity
        self.size = size
        self._made: dict[tuple[int, int], Any] = {}

    def sized(self, size: int | None) -> View:
        """The same view to squares of another size."""
        return View(self.create, self.rand, self.intensity, size)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": {}}  # made again where it is used

    def transform(self, height: int, width: int) -> Any:
        """timm's transforms to pictures of this size, PIL to PIL."""
        if (height, width) not in self._made:
            before, after, _ = create_transform(
                (height, width), is_training=True, separate=True, **self.create
            )
            drawn = []
            if self.rand is not None:
                mean = tuple(self.rand["hparams"]["img_mean"])
                hparams = {**self.rand["hparams"], "img_mean": mean}
                drawn = [rand_augment_transform(**{**self.rand, "hparams": hparams})]
            self._made = {(height, width): Compose([before, *drawn, after])}
        return self._made[height, width]

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def __call__(self, picture: Image.Image) -> Image.Image:
        if not isinstance(picture, Image.Image):
            raise ValueError(f"expected a PIL image, as timm takes, got {type(picture).__name__}")
        opened = open_picture(picture, self.intensity).permute(1, 2, 0).contiguous().numpy()
        height, width = (self.size, self.size) if self.size else opened.shape[:2]
        done: Image.Image = self.transform(height, width)(Image.fromarray(opened))
        return done
