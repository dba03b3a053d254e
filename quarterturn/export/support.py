"""How well each library expresses each operation, as tests measure it.

`tolerance` is the largest difference from Quarterturn's picture at a fixed strength, in steps of
1 / 255, two pixels or more from the border. None: compared by distribution only, because the
library draws, or does, something a little different; then `note` says what.
"""

from __future__ import annotations

from dataclasses import dataclass

from quarterturn.policy.operations import OPERATIONS


@dataclass(frozen=True)
class Support:
    """How a library expresses an operation."""

    tolerance: float | None = None
    note: str = ""


_EDGE = "pixels at the edge of what is uncovered are blended with the fill"
_DRAWN = ("cutout", "gaussian_noise", "rotate90", "random_resized_crop")
_ALL = (*OPERATIONS, "random_resized_crop")
_MOVING = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")


def _table(
    tolerances: dict[str, float | None], notes: dict[str, str], default: float
) -> dict[str, Support]:
    found = {}
    for name in _ALL:
        tolerance = None if name in _DRAWN else tolerances.get(name, default)
        found[name] = Support(tolerance, notes.get(name, ""))
    return found


_TORCHVISION = _table(
    {},
    {
        **dict.fromkeys(_MOVING, _EDGE),
        "random_resized_crop": "the edges of a crop are whole pixels",
    },
    default=0.1,
)
_KORNIA = _table({}, dict.fromkeys(_MOVING, _EDGE), default=0.1)
_SHEARED = "a range of strengths becomes 8 fixed ones; the corner is kept up to a pixel"
_ALBUMENTATIONS = _table(
    {"sharpness": 16.0, "hue": 12.0, "auto_contrast": 5.0, "equalize": 24.0},
    {
        **dict.fromkeys(("shear_x", "shear_y"), _SHEARED),
        **dict.fromkeys(("translate_x", "translate_y"), "moved by whole pixels, rounded to 0"),
        "rotate": _EDGE,
        "auto_contrast": "the value 255 does not count as the brightest",
        "equalize": "values are mapped to the upper end of their part of the histogram",
        "sharpness": "softening is a Gaussian blur of the same variance",
        "hue": "the hue has 180 steps",
        "cutout": "the square is always inside the picture, its height and width drawn apart",
        "random_resized_crop": "the edges of a crop are whole pixels",
    },
    default=2.0,
)
_TIMM = {
    name: Support(tolerance, note)
    for name, tolerance, note in (
        *((name, 2.0, _EDGE) for name in _MOVING),
        *((name, 2.0, "") for name in ("brightness", "contrast", "saturation", "sharpness")),
        *((name, 2.0, "") for name in ("auto_contrast", "equalize", "invert", "solarize")),
        ("posterize", 2.0, ""),
        ("random_resized_crop", None, "the edges of a crop are whole pixels"),
        ("horizontal_flip", None, ""),
        ("vertical_flip", None, ""),
        ("hue", None, ""),
        ("grayscale", None, ""),
        ("gaussian_blur", None, "the kernel is 23 pixels wide"),
    )
}

_USUAL = ("horizontal_flip", "brightness", "contrast", "saturation", "hue", "grayscale")
_AVERAGED = "the edges of a crop are whole pixels, and what is shrunk is averaged"
_LIGHTLY_TRAIN = {
    **dict.fromkeys((*_USUAL, "vertical_flip", "gaussian_blur", "solarize"), Support()),
    "hue": Support(None, "the hue has 180 steps"),
    "random_resized_crop": Support(None, _AVERAGED),
}
_SOLO_LEARN = {
    **dict.fromkeys((*_USUAL, "gaussian_blur", "solarize", "equalize"), Support()),
    "random_resized_crop": Support(None, "the edges of a crop are whole pixels; it is bicubic"),
}

#: By library and operation; an operation that is missing is refused.
SUPPORT: dict[str, dict[str, Support]] = {
    "torchvision": _TORCHVISION,
    "lightly": _TORCHVISION,
    "kornia": _KORNIA,
    "albumentations": _ALBUMENTATIONS,
    "timm": _TIMM,
    "huggingface": _TORCHVISION,
    "stable-pretraining": _TORCHVISION,
    "lightly-train": _LIGHTLY_TRAIN,
    "solo-learn": _SOLO_LEARN,
}
