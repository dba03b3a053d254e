"""Known policies: the baselines of every ranking and the standard recipes of the field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from quarterturn.policy.levels import RANDAUGMENT_MAXIMUM, operation_at, operation_from_level
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import (
    Branch,
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)

#: Operations of RandAugment and TrivialAugment (the identity is a rotation by nothing).
_AUTO_OPERATIONS = (
    "rotate",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "brightness",
    "saturation",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "auto_contrast",
    "equalize",
)
_IDENTITY = Operation(op="rotate", probability=0.0, strength=(0.0, 0.0))


def crop(smallest: float = 0.2) -> RandomResizedCrop:
    """Random resized crop down to `smallest` of the area."""
    return RandomResizedCrop(op="random_resized_crop", scale=(smallest, 1.0))


def flip() -> Operation:
    """Horizontal flip of every other image."""
    return Operation(op="horizontal_flip", probability=0.5)


def jitter(
    brightness: float, contrast: float, saturation: float, hue: float, probability: float = 0.8
) -> Shuffle:
    """Colour jitter in random order; each argument is the largest strength."""
    strengths = {
        "brightness": brightness,
        "contrast": contrast,
        "saturation": saturation,
        "hue": hue,
    }
    return Shuffle(
        op="shuffle",
        probability=probability,
        of=[
            Operation.model_validate({"op": op, "strength": (0.0, strength), "sign": "random"})
            for op, strength in strengths.items()
        ],
    )


def _gray() -> Operation:
    return Operation(op="grayscale", probability=0.2)


def _blur(probability: float) -> Operation:
    return Operation(op="gaussian_blur", probability=probability, strength=(0.1, 2.0))


def none() -> Policy:
    """No augmentation: both views are the image itself."""
    return Policy(name="none", views=[[]])


def crop_flip() -> Policy:
    """Random resized crop (0.2 to 1) and flip: the base augmentation of SelfAugment."""
    return Policy(name="crop_flip", views=[[crop(), flip()]])


def moco_v2() -> Policy:
    """MoCo v2 (arXiv 2003.04297), as SelfAugment has it."""
    return Policy(
        name="moco_v2",
        views=[[crop(), jitter(0.4, 0.4, 0.4, 0.1), _gray(), _blur(0.5), flip()]],
    )


def simclr() -> Policy:
    """SimCLR at strength 1: crop 0.08, jitter 0.8/0.8/0.8/0.2, grey, blur."""
    return Policy(
        name="simclr",
        views=[[crop(0.08), flip(), jitter(0.8, 0.8, 0.8, 0.2), _gray(), _blur(0.5)]],
    )


def byol() -> Policy:
    """BYOL: two different views (blur always / rarely, solarize only in the second)."""
    shared: list[Stage] = [crop(0.08), flip(), jitter(0.4, 0.4, 0.2, 0.1), _gray()]
    solarize = Operation(op="solarize", probability=0.2, strength=(0.5, 0.5))
    return Policy(name="byol", views=[[*shared, _blur(1.0)], [*shared, _blur(0.1), solarize]])


def rand_augment(count: int = 2, magnitude: float = 9.0) -> Policy:
    """RandAugment(N, M) on crop and flip, M in 0..30 on the monotone strength axis."""
    fraction = magnitude / RANDAUGMENT_MAXIMUM
    operations = [_IDENTITY, *(operation_at(op, fraction) for op in _AUTO_OPERATIONS)]
    return Policy(
        name=f"rand_augment({count},{magnitude:g})",
        views=[[crop(), flip(), Sample(op="sample", count=count, of=list(operations))]],
    )


def trivial_augment() -> Policy:
    """TrivialAugment on crop and flip: one operation, its strength uniform over the range."""
    operations = [_IDENTITY]
    for op in _AUTO_OPERATIONS:
        info = OPERATIONS[op]
        operations.append(
            Operation.model_validate(
                {
                    "op": op,
                    "strength": (0.0, info.search_limit) if info.has_strength else None,
                    "sign": "random" if info.signed else None,
                }
            )
        )
    return Policy(
        name="trivial_augment",
        views=[[crop(), flip(), Sample(op="sample", count=1, of=list(operations))]],
    )


def selfaugment(
    sub_policies: Sequence[Sequence[tuple[str, float, float]]], name: str = "selfaugment"
) -> Policy:
    """A SelfAugment policy from sub-policies of (operation, probability, level) triples.

    One sub-policy is drawn per image and view, followed by crop and flip (section 4.4).
    """
    branches = [
        Branch(stages=[operation_from_level(*triple) for triple in sub_policy])
        for sub_policy in sub_policies
    ]
    return Policy(name=name, views=[[OneOf(op="one_of", branches=branches), crop(), flip()]])


#: What every ranking includes, in the order of docs/method.md.
BASELINES: dict[str, Callable[[], Policy]] = {
    "none": none,
    "crop_flip": crop_flip,
    "moco_v2": moco_v2,
    "simclr": simclr,
    "rand_augment": rand_augment,
    "trivial_augment": trivial_augment,
}
