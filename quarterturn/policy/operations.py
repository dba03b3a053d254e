"""The operations a policy is made of: names, units, limits, and what their strength means.

Strength is monotone: 0 is the identity and more is stronger, always in a real unit. The papers'
"level" is ambiguous (for some operations 1 is the identity); see `quarterturn.policy.levels`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OperationInfo:
    """One operation.

    Attributes:
        unit: of the strength; empty if the operation has none.
        limit: the largest strength that a policy may state.
        search_limit: the largest strength that presets search (SelfAugment's range).
        signed: whether a direction belongs to it (left/right, darker/brighter).
        geometric: whether it moves pixels, rather than changing their values.
    """

    name: str
    summary: str
    unit: str = ""
    limit: float = 0.0
    search_limit: float = 0.0
    signed: bool = False
    integer: bool = False
    geometric: bool = False

    @property
    def has_strength(self) -> bool:
        return bool(self.unit)


_FACTOR = "distance of the enhancement factor from 1"
_SHEAR = "shift in pixels per pixel of distance from the top-left corner"

OPERATIONS: dict[str, OperationInfo] = {
    info.name: info
    for info in (
        OperationInfo(
            "shear_x",
            "Shear along x about the top-left corner.",
            _SHEAR,
            1.0,
            0.3,
            signed=True,
            geometric=True,
        ),
        OperationInfo(
            "shear_y",
            "Shear along y about the top-left corner.",
            _SHEAR,
            1.0,
            0.3,
            signed=True,
            geometric=True,
        ),
        OperationInfo(
            "translate_x",
            "Shift along x.",
            "fraction of the width",
            1.0,
            0.45,
            signed=True,
            geometric=True,
        ),
        OperationInfo(
            "translate_y",
            "Shift along y.",
            "fraction of the height",
            1.0,
            0.45,
            signed=True,
            geometric=True,
        ),
        OperationInfo(
            "rotate",
            "Rotate about the centre.",
            "degrees",
            180.0,
            30.0,
            signed=True,
            geometric=True,
        ),
        OperationInfo("auto_contrast", "Stretch each channel to the full range."),
        OperationInfo("invert", "Invert the values."),
        OperationInfo("equalize", "Equalise the histogram of each channel."),
        OperationInfo(
            "solarize",
            "Invert the brightest values.",
            "fraction of the value range that is inverted",
            1.0,
            1.0,
        ),
        OperationInfo(
            "posterize",
            "Drop the lowest bits of each value.",
            "bits removed of 8",
            7.0,
            4.0,
            integer=True,
        ),
        OperationInfo(
            "contrast", "Blend with the mean grey of the image.", _FACTOR, 1.0, 0.9, signed=True
        ),
        OperationInfo(
            "saturation",
            "Blend with the grey image (SelfAugment's Color).",
            _FACTOR,
            1.0,
            0.9,
            signed=True,
        ),
        OperationInfo("brightness", "Blend with black.", _FACTOR, 1.0, 0.9, signed=True),
        OperationInfo("sharpness", "Blend with a smoothed image.", _FACTOR, 1.0, 0.9, signed=True),
        OperationInfo(
            "cutout",
            "Cover a square centred anywhere in the image.",
            "side as a fraction of the width",
            1.0,
            0.2,
        ),
        OperationInfo("hue", "Turn the hue.", "fraction of the hue circle", 0.5, 0.2, signed=True),
        OperationInfo("grayscale", "Replace the colours by their luma."),
        OperationInfo("gaussian_blur", "Blur.", "standard deviation in pixels", 10.0, 2.0),
        OperationInfo(
            "gaussian_noise",
            "Add independent normal noise.",
            "standard deviation as a fraction of the value range",
            1.0,
            0.2,
        ),
        OperationInfo("horizontal_flip", "Mirror left and right.", geometric=True),
        OperationInfo("vertical_flip", "Mirror top and bottom.", geometric=True),
        OperationInfo(
            "rotate90", "Turn by 90, 180 or 270 degrees, drawn uniformly.", geometric=True
        ),
    )
}

#: Those that need red, green and blue, and do nothing to grey images.
COLOR_OPERATIONS = ("saturation", "hue", "grayscale")
#: The 15 operations of SelfAugment, in the order of its public code (arXiv 2009.07724).
SELFAUGMENT_OPERATIONS: tuple[str, ...] = tuple(OPERATIONS)[:15]

#: SelfAugment covers cutouts with this grey; everything else is filled with black.
CUTOUT_FILL: tuple[int, int, int] = (125, 123, 114)
