"""timm's strings of RandAugment, such as `rand-m9-n2-mstd0.5-inc1` (timm.data.auto_augment)."""

from __future__ import annotations

import math
import re

from quarterturn.imports.stages import Stage, crop, leaf, refuse

_FILL = [124, 116, 104]  # timm's img_mean of ImageNet, rounded
_SIGNED = {
    "rotate": 30.0,
    "shear_x": 0.3,
    "shear_y": 0.3,
    "translate_x": 0.45,
    "translate_y": 0.45,
}
_FACTORS = ("saturation", "contrast", "brightness", "sharpness")
_KNOWN = re.compile(r"(m|n|mstd|inc|p)(\d+(?:\.\d+)?)")


def is_timm(text: str) -> bool:
    """Whether it is a string of timm's auto augmentation."""
    return bool(re.fullmatch(r"(rand|augmix|original|originalr|v0|v0r|3a)(-[\w.]+)*", text))


def _range(magnitude: float, spread: float) -> tuple[float, float]:
    """The magnitudes drawn, in tenths: a normal one as the uniform one of the same variance."""
    if spread >= 100:
        return 0.0, magnitude
    half = math.sqrt(3.0) * spread
    return max(0.0, magnitude - half), min(10.0, magnitude + half)


def _enhance(name: str, low: float, high: float, increasing: bool, chance: float) -> Stage:
    if increasing:
        ends = [round(0.09 * low, 6), round(0.09 * high, 6)]
        return leaf(name, chance, strength=ends, sign="random")
    # Factors 0.1 to 1.9: the identity lies at magnitude 5.
    ends = sorted(abs(0.18 * bound - 0.9) for bound in (low, high))
    if low < 5.0 < high:
        return leaf(name, chance, strength=[0.0, round(ends[1], 6)], sign="random")
    sign = "positive" if low >= 5.0 else "negative"
    return leaf(name, chance, strength=[round(bound, 6) for bound in ends], sign=sign)


def _operations(low: float, high: float, increasing: bool, chance: float) -> list[Stage]:
    found = [leaf(name, chance) for name in ("auto_contrast", "equalize", "invert")]
    for name, limit in _SIGNED.items():
        ends = [round(limit * low / 10, 6), round(limit * high / 10, 6)]
        found.append(leaf(name, chance, strength=ends, sign="random", fill=_FILL))
    found += [_enhance(name, low, high, increasing, chance) for name in _FACTORS]
    kept = sorted(int(bound / 10 * 4) for bound in (low, high))
    kept = [4 - kept[1], 4 - kept[0]] if increasing else kept
    bits = [float(min(7, 8 - bound)) for bound in reversed(kept)]
    found.append(leaf("posterize", chance, strength=bits))
    inverted = [bound / 10 if increasing else 1.0 - bound / 10 for bound in (low, high)]
    found.append(leaf("solarize", chance, strength=sorted(round(part, 6) for part in inverted)))
    return found


def from_timm(text: str) -> tuple[list[list[Stage]], list[str]]:
    """The views of a string, as `create_transform` applies it with its defaults, and notes.

    Raises:
        InvalidInputError: `import_not_possible`.
    """
    kind, *parts = text.split("-")
    if kind != "rand":
        raise refuse("timm", kind, "of its automatic augmentations RandAugment alone can be")
    given = {"m": 10.0, "n": 2.0, "mstd": 0.0, "inc": 0.0, "p": 0.5}
    for part in parts:
        known = _KNOWN.fullmatch(part)
        if known is None:
            raise refuse("timm", part, "this part of the string is not known here")
        given[known[1]] = float(known[2])
    low, high = _range(min(given["m"], 10.0), given["mstd"])
    of = _operations(low, high, bool(given["inc"]), given["p"])
    # A draw that does nothing stands for SolarizeAdd, so that the others are drawn as often.
    of.append(leaf("rotate", 0.0, strength=0.0))
    notes = [
        "crop (0.08 to 1) and horizontal flip are timm's defaults of create_transform",
        "SolarizeAdd does nothing here",
    ]
    if 0 < given["mstd"] < 100:
        notes.append("magnitudes are uniform with the variance of timm's normal ones")
    flip = leaf("horizontal_flip", 0.5)
    return [[crop((0.08, 1.0)), flip, leaf("sample", count=int(given["n"]), of=of)]], notes
