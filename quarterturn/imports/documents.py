"""Recipes in files: albumentations' serialized form, lightly's and LightlyTrain's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quarterturn.imports.stages import Stage, crop, jitter, leaf, refuse, solarize

_ALBUMENTATIONS, _LIGHTLY = "albumentations", "lightly"
_LEFT_OUT = ("Normalize", "ToTensorV2", "Resize", "SmallestMaxSize", "LongestMaxSize", "CenterCrop")


def _jitter_of(node: dict[str, Any], chance: float) -> list[Stage]:
    names = ("brightness", "contrast", "saturation", "hue")
    return jitter({name: node.get(name) for name in names}, chance)


def _posterize(node: dict[str, Any], chance: float) -> list[Stage]:
    bits = node.get("num_bits", 4)
    low, high = (bits, bits) if isinstance(bits, int) else (min(bits), max(bits))
    return [leaf("posterize", chance, strength=[float(8 - high), float(8 - low)])]


def _rotate(node: dict[str, Any], chance: float) -> list[Stage]:
    low, high = node["limit"]
    if abs(low + high) > 1e-6:
        raise ValueError("it turns further to one side")
    return [leaf("rotate", chance, strength=[0.0, float(high)], sign="random")]


def _solarize(node: dict[str, Any], chance: float) -> list[Stage]:
    low, high = node.get("threshold_range", (0.5, 0.5))
    if low != high:
        return [leaf("solarize", chance, strength=[round(1.0 - high, 6), round(1.0 - low, 6)])]
    return [solarize(low, chance)]


_NODES: dict[str, Callable[[dict[str, Any], float], list[Stage]]] = {
    "HorizontalFlip": lambda _, chance: [leaf("horizontal_flip", chance)],
    "VerticalFlip": lambda _, chance: [leaf("vertical_flip", chance)],
    "ToGray": lambda _, chance: [leaf("grayscale", chance)],
    "Equalize": lambda _, chance: [leaf("equalize", chance)],
    "AutoContrast": lambda _, chance: [leaf("auto_contrast", chance)],
    "InvertImg": lambda _, chance: [leaf("invert", chance)],
    "RandomResizedCrop": lambda node, chance: [
        {**crop(node["scale"], node["ratio"]), **({"probability": chance} if chance < 1 else {})}
    ],
    "GaussianBlur": lambda node, chance: [
        leaf("gaussian_blur", chance, strength=[float(bound) for bound in node["sigma_limit"]])
    ],
    "ColorJitter": _jitter_of,
    "Posterize": _posterize,
    "Rotate": _rotate,
    "Solarize": _solarize,
}


def _node(node: dict[str, Any], notes: list[str]) -> list[Stage]:
    name = str(node.get("__class_fullname__", "")).rsplit(".", 1)[-1]
    chance = float(node.get("p", 1.0))
    if name in ("Compose", "Sequential"):
        if chance < 1:
            raise refuse(_ALBUMENTATIONS, name, "with a probability below 1")
        return [stage for part in node["transforms"] for stage in _node(part, notes)]
    if name == "OneOf":
        branches = [
            {"weight": float(part.get("p", 1.0)), "stages": _node({**part, "p": 1.0}, notes)}
            for part in node["transforms"]
        ]
        return [leaf("one_of", chance, branches=branches)]
    if name in ("RandomOrder", "SomeOf"):
        return _drawn(node, name, chance, notes)
    if name in _LEFT_OUT:
        notes.append(f"{name} is left to the training")
        return []
    if name not in _NODES:
        raise refuse(_ALBUMENTATIONS, name or "a node", "no operation of policies does that")
    try:
        return _NODES[name](node, chance)
    except (KeyError, TypeError, ValueError) as error:
        raise refuse(_ALBUMENTATIONS, name, f"its fields are not understood: {error}") from None


def _drawn(node: dict[str, Any], name: str, chance: float, notes: list[str]) -> list[Stage]:
    of = [stage for part in node["transforms"] for stage in _node(part, notes)]
    count, replace = int(node.get("n", len(of))), bool(node.get("replace", False))
    if name == "SomeOf" and count > 1:
        raise refuse(_ALBUMENTATIONS, name, "it keeps the order of what it draws")
    if count == len(of) and not replace:
        return [leaf("shuffle", chance, of=of)]
    return [leaf("sample", chance, count=count, replace=replace, of=of)]


def from_albumentations(document: dict[str, Any]) -> tuple[list[list[Stage]], list[str]]:
    """The views of `A.to_dict(pipeline)`, and notes.

    Raises:
        InvalidInputError: `import_not_possible`.
    """
    notes: list[str] = []
    return [_node(document["transform"], notes)], list(dict.fromkeys(notes))


def _factors(strength: float, sides: dict[str, float]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, side in sides.items():
        center = 0.0 if name == "hue" else 1.0
        found[name] = (center - strength * side, center + strength * side)
    return found


def from_lightly_train(arguments: dict[str, Any]) -> tuple[list[list[Stage]], list[str]]:
    """The view of `transform_args`; what they leave out is not there, and said in the notes.

    Raises:
        InvalidInputError: `import_not_possible`.
    """
    stages: list[Stage] = []
    for part in ("channel_drop", "random_rotation"):
        if arguments.get(part):
            raise refuse("LightlyTrain", part, "no operation of policies does that")
    if resize := arguments.get("random_resize"):
        ratio = (resize.get("min_ratio", 3 / 4), resize.get("max_ratio", 4 / 3))
        stages.append(crop((resize.get("min_scale", 0.08), resize.get("max_scale", 1.0)), ratio))
    flips = arguments.get("random_flip") or {}
    for axis in ("horizontal", "vertical"):
        if chance := flips.get(f"{axis}_prob", 0.0):
            stages.append(leaf(f"{axis}_flip", chance))
    if color := arguments.get("color_jitter"):
        sides = {name: color[name] for name in ("brightness", "contrast", "saturation", "hue")}
        stages += jitter(_factors(color.get("strength", 1.0), sides), color.get("prob", 1.0))
    if chance := arguments.get("random_gray_scale"):
        stages.append(leaf("grayscale", chance))
    if blur := arguments.get("gaussian_blur"):
        stages.append(leaf("gaussian_blur", blur["prob"], strength=list(blur["sigmas"])))
    if inverted := arguments.get("solarize"):
        stages.append(solarize(inverted["threshold"], inverted["prob"]))
    return [stages], ["what the arguments leave out is not applied, whatever the method's default"]


def from_lightly(arguments: dict[str, Any]) -> tuple[list[list[Stage]], list[str]]:
    """The view of keyword arguments of lightly's SimCLRTransform and MoCoV2Transform, with their
    defaults.

    Raises:
        InvalidInputError: `import_not_possible`.
    """
    given = {**_DEFAULTS, **arguments}
    unknown = sorted(set(arguments) - set(_DEFAULTS) - {"input_size", "normalize", "kernel_size"})
    if unknown:
        raise refuse(_LIGHTLY, unknown[0], "the argument is not known here")
    if given["rr_prob"]:
        raise refuse(_LIGHTLY, "rr_prob", "its rotations are not those of policies")
    sides = {
        "brightness": given["cj_bright"],
        "contrast": given["cj_contrast"],
        "saturation": given["cj_sat"],
        "hue": given["cj_hue"],
    }
    stages = [crop((given["min_scale"], 1.0))]
    for name, key in (("horizontal_flip", "hf_prob"), ("vertical_flip", "vf_prob")):
        if given[key]:
            stages.append(leaf(name, given[key]))
    stages += jitter(_factors(given["cj_strength"], sides), given["cj_prob"])
    if given["random_gray_scale"]:
        stages.append(leaf("grayscale", given["random_gray_scale"]))
    if given["gaussian_blur"]:
        stages.append(leaf("gaussian_blur", given["gaussian_blur"], strength=list(given["sigmas"])))
    return [stages], []


#: Of lightly.transforms.SimCLRTransform.
_DEFAULTS: dict[str, Any] = {
    "cj_prob": 0.8,
    "cj_strength": 1.0,
    "cj_bright": 0.8,
    "cj_contrast": 0.8,
    "cj_sat": 0.8,
    "cj_hue": 0.2,
    "min_scale": 0.08,
    "random_gray_scale": 0.2,
    "gaussian_blur": 0.5,
    "sigmas": (0.1, 2.0),
    "hf_prob": 0.5,
    "vf_prob": 0.0,
    "rr_prob": 0.0,
}
