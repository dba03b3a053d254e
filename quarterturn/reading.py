"""Files and samples as the pictures that a policy was chosen on: for training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.asked import PictureOptions, stated
from quarterturn.data.batches import ENOUGH
from quarterturn.data.decode import DecodeLimits, UnusableImageError, fit_square, show
from quarterturn.data.formats import ReadOptions, read_pictures
from quarterturn.data.formats.pillow import DEEP_MODES, to_rgb, upright
from quarterturn.data.intensity import to_uint8
from quarterturn.data.window import parse_window
from quarterturn.errors import InvalidInputError
from quarterturn.policy.pictures import IntensityRange, Pictures

_LIMITS = DecodeLimits(max_pixels=2**31, min_side=1, max_bytes=2**40, max_memory=2**40)


def input_of(pictures: Pictures | None, window: str | None) -> Pictures:
    """How files become pictures; a window of values replaces that of the policy.

    Raises:
        InvalidInputError: `invalid_window`; percentiles are of a set, which is not at hand.
    """
    pictures = pictures or Pictures()
    if window is None:
        return pictures
    asked = parse_window(window)
    if asked.percentiles:
        raise InvalidInputError(
            "Percentiles are found over a whole set. Give two sample values, such as 0:4095.",
            code="invalid_window",
        )
    of = pictures.intensity.of if pictures.intensity else "deep"
    intensity = IntensityRange(low=asked.low, high=asked.high, of=of)
    return pictures.model_copy(update={"intensity": intensity})


def samples_to_uint8(samples: NDArray[Any], pictures: Pictures) -> NDArray[np.uint8]:
    """Samples as stored, of any type and shape, as the search saw them.

    Raises:
        InvalidInputError: `intensity_range_needed`.
    """
    return to_uint8(samples, pictures.intensity)


def image_to_rgb(image: Image.Image, pictures: Pictures) -> Image.Image:
    """A PIL image of any mode, as the search saw it: upright by its EXIF orientation, and on the
    search's background where it is transparent.

    Raises:
        InvalidInputError: `intensity_range_needed`; `no_images`, of LAB or HSV.
    """
    image = upright(image)
    if image.mode in DEEP_MODES:
        return Image.fromarray(samples_to_uint8(np.asarray(image), pictures)).convert("RGB")
    try:
        rgb = to_rgb(image)
    except UnusableImageError as error:
        raise InvalidInputError(f"The image has {error.message}.", code="no_images") from None
    if pictures.intensity is None or pictures.intensity.of == "deep":
        return rgb
    return Image.fromarray(samples_to_uint8(np.asarray(rgb), pictures))


def read_image(
    path: str | Path, pictures: Pictures, number: int = 0, size: int | None = None
) -> Image.Image:
    """One picture of a file of any format, RGB, as the search saw it.

    Args:
        number: of the pictures of the file, from 0.
        size: side in pixels of a square, made as the search made it; None is the file's own size.

    Raises:
        InvalidInputError: `path_not_found`, `no_images` with the reason, or
            `intensity_range_needed`.
    """
    asked: PictureOptions = stated(pictures)
    try:
        data = Path(path).read_bytes()
        options = ReadOptions(_LIMITS, asked.bands, None if size is None else ENOUGH)
        for place, picture in enumerate(read_pictures(data, options)):
            if place == number:
                image = show(picture, pictures.intensity)
                return image if size is None else fit_square(image, size, pictures.fit)
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be read: {error.strerror}.", code="path_not_found"
        ) from None
    except UnusableImageError as error:
        raise InvalidInputError(f"{path} is {error.message}.", code="no_images") from None
    raise InvalidInputError(f"{path} has no picture {number}, from 0.", code="no_images")
