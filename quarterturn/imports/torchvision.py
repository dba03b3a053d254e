"""Compositions of torchvision, v1 and v2, by the attributes of their objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from quarterturn.imports.stages import Stage, crop, jitter, leaf, refuse, solarize
from quarterturn.policy.recipes import rand_augment, trivial_augment

_LIBRARY = "torchvision"
#: What makes tensors of a size or of a mean; the policy leaves that to the training.
_LEFT_OUT = (
    "ToTensor",
    "ToImage",
    "ToPILImage",
    "PILToTensor",
    "ToDtype",
    "ConvertImageDtype",
    "ToPureTensor",
    "Normalize",
    "Resize",
    "CenterCrop",
    "RGB",
    "Identity",
)


def _ends(value: Any) -> Sequence[float] | None:
    return None if value is None else tuple(value)


def _color_jitter(one: Any, chance: float) -> list[Stage]:
    names = ("brightness", "contrast", "saturation", "hue")
    return jitter({name: _ends(getattr(one, name)) for name in names}, chance)


def _crop(one: Any, chance: float) -> list[Stage]:
    made = crop(one.scale, one.ratio)
    return [made if chance >= 1 else {**made, "probability": chance}]


def _blur(one: Any, chance: float) -> list[Stage]:
    return [leaf("gaussian_blur", chance, strength=[float(bound) for bound in one.sigma])]


def _rotation(one: Any, chance: float) -> list[Stage]:
    low, high = one.degrees
    if abs(low + high) > 1e-6:
        raise ValueError("it turns further to one side")
    return [leaf("rotate", chance, strength=[0.0, float(high)], sign="random")]


def _solarize(one: Any, chance: float) -> list[Stage]:
    threshold = float(one.threshold)
    return [solarize(threshold / 255.0 if threshold > 1 else threshold, chance * one.p)]


def _sharpness(one: Any, chance: float) -> list[Stage]:
    distance = float(one.sharpness_factor) - 1.0
    sign = "positive" if distance >= 0 else "negative"
    return [leaf("sharpness", chance * one.p, strength=abs(distance), sign=sign)]


def _rand_augment(one: Any, chance: float) -> list[Stage]:
    bins = one.num_magnitude_bins
    policy = rand_augment(one.num_ops, 30.0 * one.magnitude / (bins - 1))
    return [
        {**policy.to_document()["views"][0][-1], **({"probability": chance} if chance < 1 else {})}
    ]


def _trivial_augment(_: Any, chance: float) -> list[Stage]:
    stage = trivial_augment().to_document()["views"][0][-1]
    return [{**stage, **({"probability": chance} if chance < 1 else {})}]


def _plain(op: str) -> Callable[[Any, float], list[Stage]]:
    return lambda one, chance: [leaf(op, chance * one.p)]


_READERS: dict[str, Callable[[Any, float], list[Stage]]] = {
    "RandomResizedCrop": _crop,
    "RandomHorizontalFlip": _plain("horizontal_flip"),
    "RandomVerticalFlip": _plain("vertical_flip"),
    "RandomGrayscale": _plain("grayscale"),
    "RandomEqualize": _plain("equalize"),
    "RandomInvert": _plain("invert"),
    "RandomAutocontrast": _plain("auto_contrast"),
    "RandomPosterize": lambda one, chance: [
        leaf("posterize", chance * one.p, strength=float(8 - one.bits))
    ],
    "RandomSolarize": _solarize,
    "RandomAdjustSharpness": _sharpness,
    "RandomRotation": _rotation,
    "ColorJitter": _color_jitter,
    "GaussianBlur": _blur,
    "RandAugment": _rand_augment,
    "TrivialAugmentWide": _trivial_augment,
}


def _stages(one: Any, chance: float, notes: list[str]) -> list[Stage]:
    name = type(one).__name__
    if name in ("Compose", "Sequential"):
        parts = one.transforms if name == "Compose" else one
        return [stage for part in parts for stage in _stages(part, chance, notes)]
    if name == "RandomApply":
        parts = list(one.transforms)
        if len(parts) != 1:
            raise refuse(_LIBRARY, name, "of several transforms at once")
        return _stages(parts[0], chance * one.p, notes)
    if name in _LEFT_OUT:
        notes.append(f"{name} is left to the training")
        return []
    if name not in _READERS:
        raise refuse(_LIBRARY, name, "no operation of policies does that")
    try:
        return _READERS[name](one, chance)
    except ValueError as error:
        raise refuse(_LIBRARY, name, str(error)) from None


def from_torchvision(transform: Any) -> tuple[list[list[Stage]], list[str]]:
    """The views of a composition, or of a list of two, and notes.

    Raises:
        InvalidInputError: `import_not_possible`.
    """
    notes: list[str] = []
    views = transform if isinstance(transform, list | tuple) else [transform]
    if len(views) > 2:
        raise refuse(_LIBRARY, f"{len(views)} views", "a policy has one or two")
    return [_stages(view, 1.0, notes) for view in views], list(dict.fromkeys(notes))
