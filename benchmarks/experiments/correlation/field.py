"""The field of policies: weak, good and destructive ones."""

from __future__ import annotations

from typing import Any

from quarterturn.policy.recipes import BASELINES, crop, flip, jitter, rand_augment
from quarterturn.policy.schema import Policy

_FLIP: dict[str, Any] = flip().model_dump()
_CROP: dict[str, Any] = crop().model_dump()
_JITTER: dict[str, Any] = jitter(0.4, 0.4, 0.4, 0.1).model_dump()
_GRAY: dict[str, Any] = {"op": "grayscale", "probability": 0.2}


def _crop(low: float, high: float = 1.0) -> dict[str, Any]:
    return {"op": "random_resized_crop", "scale": [low, high]}


def _op(name: str, low: float, high: float, probability: float = 1.0) -> dict[str, Any]:
    return {"op": name, "probability": probability, "strength": [low, high]}


_WEAK: dict[str, list[dict[str, Any]]] = {
    "flip": [_FLIP],
    "jitter": [_JITTER, _FLIP],
    "contrast": [_op("contrast", 0.0, 0.9), _FLIP],
    "invert": [{"op": "invert", "probability": 0.5}, _FLIP],
    "cutout": [_op("cutout", 0.2, 0.5), _FLIP],
    "translate": [_op("translate_x", 0.0, 0.45), _op("translate_y", 0.0, 0.45), _FLIP],
    "rotate 30": [_op("rotate", 0.0, 30.0), _FLIP],
}

_CROPPED: dict[str, list[dict[str, Any]]] = {
    "crop 0.08": [_crop(0.08), _FLIP],
    "crop 0.5": [_crop(0.5), _FLIP],
    "crop 0.8": [_crop(0.8), _FLIP],
    "crop + jitter": [_CROP, _JITTER, _FLIP],
    "crop + jitter + grayscale": [_CROP, _JITTER, _GRAY, _FLIP],
    "crop + cutout": [_CROP, _op("cutout", 0.2, 0.5), _FLIP],
    "crop + translate": [_op("translate_x", 0.0, 0.3), _op("translate_y", 0.0, 0.3), _CROP, _FLIP],
    "crop + rotate 30": [_CROP, _op("rotate", 0.0, 30.0), _FLIP],
    "crop + rotate 180": [_CROP, _op("rotate", 0.0, 180.0), _FLIP],
    "crop + solarize": [_CROP, _op("solarize", 0.5, 0.5, 0.2), _JITTER, _FLIP],
    "crop + equalize": [_CROP, {"op": "equalize", "probability": 0.5}, _FLIP],
    "crop + posterize": [_CROP, _op("posterize", 0.0, 6.0), _FLIP],
    "crop + noise": [_CROP, _op("gaussian_noise", 0.0, 0.2), _FLIP],
    "crop + blur": [_CROP, _op("gaussian_blur", 0.5, 2.0), _FLIP],
}

_DESTRUCTIVE: dict[str, list[dict[str, Any]]] = {
    "tiny crop": [_crop(0.02, 0.1), _FLIP],
    "noise": [_op("gaussian_noise", 0.4, 0.8), _FLIP],
    "invert + blur": [{"op": "invert", "probability": 0.5}, _op("gaussian_blur", 4.0, 6.0), _FLIP],
}


def field() -> list[Policy]:
    """Thirty-two policies of distinct names, the six baselines first."""
    named = {**_WEAK, **_CROPPED, **_DESTRUCTIVE}
    policies = [make() for make in BASELINES.values()]
    policies += [
        Policy.model_validate({"name": name, "views": [stages]}) for name, stages in named.items()
    ]
    policies += [rand_augment(1, 9), rand_augment(3, 18)]
    return policies
