"""The policies of the table: the field of bench-correlation, and sixteen more."""

from __future__ import annotations

from typing import Any

from benchmarks.experiments.correlation.field import field as correlation_field
from quarterturn.policy.recipes import rand_augment
from quarterturn.policy.schema import Policy

Stage = dict[str, Any]


def _operation(name: str, probability: float) -> Stage:
    return {"op": name, "probability": probability}


def _strong(name: str, low: float, high: float, probability: float = 1.0) -> Stage:
    return {"op": name, "probability": probability, "strength": [low, high]}


def _crop(low: float, high: float = 1.0) -> Stage:
    return {"op": "random_resized_crop", "scale": [low, high]}


def _jitter(brightness: float, contrast: float, saturation: float, hue: float) -> Stage:
    """Color jitter of up to these strengths, in random order, on four images of five."""
    limits = {
        "brightness": brightness,
        "contrast": contrast,
        "saturation": saturation,
        "hue": hue,
    }
    operations = [
        {"op": op, "strength": [0.0, limit], "sign": "random"} for op, limit in limits.items()
    ]
    return {"op": "shuffle", "probability": 0.8, "of": operations}


_FLIP = _operation("horizontal_flip", 0.5)
_VERTICAL_FLIP = _operation("vertical_flip", 0.5)
_GRAY = _operation("grayscale", 0.2)
_EQUALIZE = _operation("equalize", 0.5)
_AUTO_CONTRAST = _operation("auto_contrast", 0.5)
_CUTOUT = _strong("cutout", 0.2, 0.5)
_SOLARIZE = _strong("solarize", 0.5, 0.5, probability=0.2)
_JITTER = _jitter(0.4, 0.4, 0.4, 0.1)
_STRONG_JITTER = _jitter(0.8, 0.8, 0.8, 0.2)
_LIGHT_JITTER = _jitter(0.2, 0.2, 0.2, 0.05)


def _blur(probability: float) -> Stage:
    return _strong("gaussian_blur", 0.1, 2.0, probability)


#: Without a crop: colors, flips and cutout alone.
_WITHOUT_CROP: dict[str, list[Stage]] = {
    "flips": [_FLIP, _VERTICAL_FLIP],
    "jitter + grayscale": [_JITTER, _GRAY, _FLIP],
    "strong jitter": [_STRONG_JITTER, _FLIP],
    "light jitter": [_LIGHT_JITTER, _FLIP],
    "jitter + cutout": [_JITTER, _CUTOUT, _FLIP],
    "equalize": [_EQUALIZE, _FLIP],
    "auto contrast": [_AUTO_CONTRAST, _FLIP],
}

#: With a crop; the light jitter is what siaug advises for chest X-rays, the turns what is advised
#: for images from above.
_WITH_CROP: dict[str, list[Stage]] = {
    "crop without flip": [_crop(0.2)],
    "crop 0.35": [_crop(0.35), _FLIP],
    "crop 0.5 + jitter": [_crop(0.5), _JITTER, _FLIP],
    "crop + light jitter": [_crop(0.2), _LIGHT_JITTER, _FLIP],
    "crop + cutout + equalize": [_crop(0.2), _EQUALIZE, _CUTOUT, _FLIP],
    "crop + vertical flip + rotate 180": [
        _crop(0.2),
        _strong("rotate", 0.0, 180.0),
        _FLIP,
        _VERTICAL_FLIP,
    ],
}

_COLORS = [_jitter(0.4, 0.4, 0.2, 0.1), _GRAY]

#: After DINO (its two global views) and LeJEPA; one list of stages per view.
_VIEWS: dict[str, list[list[Stage]]] = {
    "dino": [
        [_crop(0.25), _FLIP, *_COLORS, _blur(1.0)],
        [_crop(0.25), _FLIP, *_COLORS, _blur(0.1), _SOLARIZE],
    ],
    "lejepa": [[_crop(0.3), _FLIP, *_COLORS, _blur(0.5), _SOLARIZE]],
}


def _rand_augment_without_crop() -> Policy:
    """RandAugment(1, 9) and a flip."""
    whole = rand_augment(1, 9)
    stages = [stage for stage in whole.views[0] if stage.op != "random_resized_crop"]
    return Policy(name=f"{whole.name} without crop", views=[stages])


def added_policies() -> list[Policy]:
    """The sixteen that the field of bench-correlation does not have."""
    single = {**_WITHOUT_CROP, **_WITH_CROP}
    views = {**{name: [stages] for name, stages in single.items()}, **_VIEWS}
    policies = [
        Policy.model_validate({"name": name, "views": stages}) for name, stages in views.items()
    ]
    return [*policies, _rand_augment_without_crop()]


def table_policies() -> dict[str, Policy]:
    """All policies of the table by their names."""
    return {policy.name: policy for policy in [*correlation_field(), *added_policies()]}
