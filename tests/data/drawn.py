"""Pictures drawn by formula, and files of them as scanners, cameras and programs write them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from quarterturn.data.asked import PictureOptions, picture_options
from quarterturn.data.decode import open_pictures
from quarterturn.data.unusable import DecodeLimits, UnusableImageError

LIMITS = DecodeLimits(max_pixels=1_000_000, min_side=8)


def shape01(seed: int = 0, side: int = 48) -> np.ndarray:
    """A smooth picture, float64 (side, side) that takes most of 0.15 to 0.85."""
    y, x = np.mgrid[0:side, 0:side] / side
    draws = np.random.default_rng(seed)
    waves = sum(
        np.sin(2 * np.pi * (draws.uniform(0.3, 1.6) * x + draws.uniform(0.3, 1.6) * y) + phase)
        for phase in draws.uniform(0, 6, 4)
    )
    waves = (waves - waves.min()) / np.ptp(waves)
    return 0.15 + 0.7 * waves


def bands01(count: int, side: int = 48) -> np.ndarray:
    """float64 (side, side, count)."""
    return np.stack([shape01(band, side) for band in range(count)], axis=2)


def eight(values: np.ndarray) -> np.ndarray:
    """What is expected of values from 0 to 1: uint8."""
    return np.round(values * 255).astype(np.uint8)


def file_of(values: np.ndarray, kind: str, **options: Any) -> bytes:
    """A file written by Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff_of(values: np.ndarray, **options: Any) -> bytes:
    """A file written by tifffile."""
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


def shown(data: bytes, window: str | None = None, bands: str | None = None) -> list[np.ndarray]:
    """The pictures of a file as uint8 (h, w, 3)."""
    asked = picture_options(window, bands)
    return [np.asarray(image) for image in open_pictures(data, LIMITS, asked)]


def distance(picture: np.ndarray, expected: np.ndarray) -> float:
    """Mean absolute difference of 255."""
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    assert picture.shape == expected.shape
    return float(np.abs(picture.astype(int) - expected.astype(int)).mean())


def refusal(data: bytes, asked: PictureOptions | None = None) -> UnusableImageError:
    """The error that a file is refused with."""
    try:
        list(open_pictures(data, LIMITS, asked))
    except UnusableImageError as error:
        return error
    raise AssertionError("it was not refused")
