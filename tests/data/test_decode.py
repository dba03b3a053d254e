"""Every kind of image becomes upright RGB of the working resolution, or is skipped."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from quarterturn.data.decode import DecodeLimits, UnusableImageError, decode

LIMITS = DecodeLimits(max_pixels=1_000_000, min_side=8)


def _ramp(width: int = 40, height: int = 40) -> Image.Image:
    """Red grows to the right, green downwards."""
    x = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    y = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack((x, y, 0 * x), 2).astype(np.uint8))


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _close(pixels: np.ndarray, expected: Image.Image, tolerance: float) -> None:
    difference = np.abs(pixels.astype(int) - np.asarray(expected).astype(int))
    assert difference.mean() < tolerance


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0.01),
        ("BMP", {}, 0.01),
        ("TIFF", {}, 0.01),
        ("WEBP", {"lossless": True}, 0.01),
        ("JPEG", {"quality": 95}, 4.0),
    ],
)
def test_formats(kind: str, options: dict[str, Any], tolerance: float) -> None:
    decoded = decode(_file(_ramp(), kind, **options), 40, LIMITS)
    _close(decoded.pixels, _ramp(), tolerance)


def test_grey_and_palette() -> None:
    grey = _ramp().convert("L")
    assert np.ptp(decode(_file(grey, "PNG"), 40, LIMITS).pixels, axis=2).max() == 0
    palette = _ramp().quantize(64)
    _close(decode(_file(palette, "PNG"), 40, LIMITS).pixels, palette.convert("RGB"), 0.01)


def test_transparent_pixels_show_mid_grey() -> None:
    image = _ramp().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    assert (decode(_file(image, "PNG"), 40, LIMITS).pixels == 128).all()


def test_sixteen_bit_is_scaled_not_clipped() -> None:
    values = np.linspace(0, 65535, 1600).reshape(40, 40).astype(np.uint16)
    pixels = decode(_file(Image.fromarray(values), "PNG"), 40, LIMITS).pixels[..., 0]
    assert np.abs(pixels.astype(int) - (values // 257).astype(int)).max() <= 1


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to be upright
    stored = _ramp().transpose(Image.Transpose.ROTATE_90)
    decoded = decode(_file(stored, "JPEG", exif=exif, quality=95), 40, LIMITS)
    _close(decoded.pixels, _ramp(), 4.0)


def test_the_central_square_is_taken() -> None:
    wide = Image.new("RGB", (80, 40), (255, 0, 0))
    wide.paste(Image.new("RGB", (40, 40), (0, 0, 255)), (20, 0))
    pixels = decode(_file(wide, "PNG"), 40, LIMITS).pixels
    assert (pixels[..., 2] == 255).all()


def test_the_digest_is_of_the_picture_not_of_the_file() -> None:
    digests = {decode(_file(_ramp(), kind), 40, LIMITS).digest for kind in ("PNG", "BMP", "TIFF")}
    assert len(digests) == 1
    turned = _ramp().transpose(Image.Transpose.ROTATE_180)
    assert decode(_file(turned, "PNG"), 40, LIMITS).digest not in digests


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_an_image"),
        (b"GIF89a and nothing of one", "damaged"),
        (_file(_ramp(), "PNG")[:100], "damaged"),
        (_file(_ramp(), "JPEG")[:400], "damaged"),
        (_file(_ramp(7, 40), "PNG"), "too_small"),
        (_file(Image.new("L", (2000, 600)), "PNG"), "too_many_pixels"),
    ],
)
def test_what_cannot_be_used_is_skipped_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnusableImageError) as caught:
        decode(data, 32, LIMITS)
    assert caught.value.reason == reason
