"""From a picture of a file to RGB at the working resolution. Runs in child processes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.asked import PictureOptions
from quarterturn.data.choose_range import choose_range
from quarterturn.data.formats import ReadOptions, read_pictures
from quarterturn.data.formats.pillow import BACKGROUND
from quarterturn.data.intensity import to_uint8
from quarterturn.data.observed import Observed
from quarterturn.data.picture import Picture, Plain, Samples
from quarterturn.data.plan import DecodePlan, first_plan
from quarterturn.data.unusable import DecodeLimits, UnusableImageError
from quarterturn.policy.pictures import Fit, IntensityRange

__all__ = ["DecodeLimits", "Decoded", "UnusableImageError", "decode", "open_rgb"]

DIGEST_BYTES = 16


@dataclass(frozen=True)
class Decoded:
    """`pixels` is uint8 (s, s, 3); `digest` identifies the picture, not the file that holds it."""

    pixels: NDArray[np.uint8]
    digest: bytes


def digest_of(picture: Picture, raw: bytes) -> bytes:
    """Of the samples as stored, whatever range they are shown with; `raw` are those of a plain
    picture.
    """
    width, height = picture.size
    head = f"{width}x{height}"
    if isinstance(picture, Samples):
        values = np.ascontiguousarray(picture.values)
        values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        head += f"x{values.dtype.str}x{values.ndim}x{picture.inverted:d}"
        raw = values.tobytes() + (b"" if picture.alpha is None else picture.alpha.tobytes())
    hasher = hashlib.blake2b(head.encode(), digest_size=DIGEST_BYTES)
    hasher.update(raw)
    return hasher.digest()


def show(picture: Picture, intensity: IntensityRange | None) -> Image.Image:
    """The picture as RGB at its own size.

    Raises:
        InvalidInputError: `intensity_range_needed`.
    """
    if isinstance(picture, Plain):
        if intensity is None or intensity.of == "deep":
            return picture.image
        return Image.fromarray(to_uint8(np.asarray(picture.image), intensity))
    eight = to_uint8(picture.values, intensity, inverted=picture.inverted, nodata=picture.nodata)
    image = Image.fromarray(np.ascontiguousarray(eight)).convert("RGB")
    if picture.alpha is None:
        return image
    ground = Image.new("RGB", image.size, BACKGROUND)
    ground.paste(image, mask=Image.fromarray(picture.alpha))
    return ground


def fit_square(image: Image.Image, side: int, fit: Fit) -> Image.Image:
    """Resize (bilinear, antialiased) to a square: its central square, all of it on black, or all
    of it stretched.
    """
    width, height = image.size
    if (width, height) == (side, side):
        return image
    if fit == "pad":
        scale = side / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        small = image.resize(inner, Image.Resampling.BILINEAR, reducing_gap=3.0)
        ground = Image.new("RGB", (side, side))
        ground.paste(small, ((side - inner[0]) // 2, (side - inner[1]) // 2))
        return ground
    box = (0.0, 0.0, float(width), float(height))
    if fit == "crop":
        short = min(width, height)
        left, top = (width - short) / 2, (height - short) / 2
        box = (left, top, left + short, top + short)
    return image.resize((side, side), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)


def decode_picture(picture: Picture, plan: DecodePlan, observed: Observed) -> Decoded | None:
    """Decode a picture, and see it.

    Returns:
        None for one that needs an intensity range, where the plan has none.
    """
    observed.picture(picture, measure_plain=plan.measure_plain)
    intensity = plan.pictures.intensity
    if isinstance(picture, Samples) and intensity is None:
        return None
    image = show(picture, intensity)
    raw = image.tobytes()
    stored = raw
    if isinstance(picture, Plain) and image is not picture.image:
        stored = picture.image.tobytes()
    digest = digest_of(picture, stored)
    small = fit_square(image, plan.resolution, plan.pictures.fit)
    pixels = np.frombuffer(raw if small is image else small.tobytes(), np.uint8)
    pixels = pixels.reshape(plan.resolution, plan.resolution, 3)
    observed.decoded(raw, pixels)
    return Decoded(pixels, digest)


def alone(picture: Picture, asked: PictureOptions) -> IntensityRange | None:
    """The range of a picture that belongs to no set."""
    observed = Observed()
    observed.picture(picture, measure_plain=asked.window is not None)
    return choose_range(observed, asked.window)


def open_pictures(
    data: bytes, limits: DecodeLimits, asked: PictureOptions | None = None
) -> Iterator[Image.Image]:
    """Decode the pictures of a file to RGB, upright, each at its own size and, without a window,
    with an intensity range of its own.

    Raises:
        UnusableImageError: with the reason.
    """
    asked = asked or PictureOptions()
    for picture in read_pictures(data, ReadOptions(limits, asked.bands)):
        yield show(picture, alone(picture, asked))


def open_rgb(data: bytes, limits: DecodeLimits, asked: PictureOptions | None = None) -> Image.Image:
    """Decode the first picture of a file to RGB, upright, at its own size.

    Raises:
        UnusableImageError: with the reason.
    """
    for image in open_pictures(data, limits, asked):
        return image
    raise UnusableImageError("no_picture", "holds no picture")


def decode(
    data: bytes, resolution: int, limits: DecodeLimits, asked: PictureOptions | None = None
) -> Decoded:
    """Decode the first picture of a file at a resolution.

    Raises:
        UnusableImageError: with the reason.
    """
    asked = asked or PictureOptions()
    for picture in read_pictures(data, ReadOptions(limits, asked.bands)):
        plan = first_plan(asked, resolution)
        pictures = plan.pictures.model_copy(update={"intensity": alone(picture, asked)})
        decoded = decode_picture(picture, DecodePlan(resolution, pictures), Observed())
        if decoded is not None:
            return decoded
    raise UnusableImageError("no_picture", "holds no picture")
