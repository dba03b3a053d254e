"""What a user may say of how files become pictures: window, bands and fit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from quarterturn.data.window import Window, parse_window
from quarterturn.errors import InvalidInputError
from quarterturn.policy.pictures import Fit, Pictures

FITS: tuple[Fit, ...] = ("crop", "pad", "stretch")


@dataclass(frozen=True)
class PictureOptions:
    """A window (None: found from all files), bands from 1 (None: the first three), and the fit."""

    window: Window | None = None
    bands: tuple[int, ...] | None = None
    fit: Fit = "crop"


def parse_bands(text: str) -> tuple[int, ...]:
    """Read `4,3,2` or `1`.

    Raises:
        InvalidInputError: `invalid_bands`.
    """
    if re.fullmatch(r"\s*\d{1,3}\s*(,\s*\d{1,3}\s*,\s*\d{1,3}\s*)?", text):
        bands = tuple(int(part) for part in text.split(","))
        if min(bands) >= 1:
            return bands
    raise InvalidInputError(
        f"The bands {text[:60]!r} are not understood. Write three numbers from 1 for red, green "
        "and blue, such as 4,3,2, or one for grey.",
        code="invalid_bands",
    )


def parse_fit(text: str) -> Fit:
    """Read `crop`, `pad` or `stretch`.

    Raises:
        InvalidInputError: `invalid_fit`.
    """
    for fit in FITS:
        if text == fit:
            return fit
    raise InvalidInputError(
        f"The fit {text[:60]!r} is not known; write crop, pad or stretch.", code="invalid_fit"
    )


def picture_options(
    window: str | None = None, bands: str | None = None, fit: str | None = None
) -> PictureOptions:
    """The options as they are typed, each by default what the files say.

    Raises:
        InvalidInputError: `invalid_window`, `invalid_bands` or `invalid_fit`.
    """
    return PictureOptions(
        parse_window(window) if window else None,
        parse_bands(bands) if bands else None,
        parse_fit(fit) if fit else "crop",
    )


def stated(pictures: Pictures) -> PictureOptions:
    """Options that make the pictures of a policy again."""
    intensity = pictures.intensity
    return PictureOptions(
        Window(intensity.low, intensity.high) if intensity else None,
        tuple(pictures.bands) if pictures.bands else None,
        pictures.fit,
    )
