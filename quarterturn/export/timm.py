"""timm: the arguments of its `create_transform` and its `rand_augment_transform`, in a file.

timm applies, in this order: crop, flips, one RandAugment, colour jitter, grey, blur. A policy of
another form is refused. Its magnitude m in 0..10 is the strength as tenths of the largest one.
"""

from __future__ import annotations

import pprint
from collections.abc import Sequence
from typing import Any

from quarterturn.export.differences import differences
from quarterturn.export.files import MEDIA_TYPE, TWO_VIEWS
from quarterturn.export.formats import Difference, Export, Options, not_expressible
from quarterturn.export.pythonfile import both_views, intensity_of, python_file
from quarterturn.export.recipe import jitter_strengths
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import Operation, Policy, RandomResizedCrop, Sample, Shuffle, Stage

_NAMES = {
    "auto_contrast": "AutoContrast",
    "equalize": "Equalize",
    "invert": "Invert",
    "rotate": "Rotate",
    "posterize": "PosterizeOriginal",
    "solarize": "SolarizeIncreasing",
    "saturation": "ColorIncreasing",
    "contrast": "ContrastIncreasing",
    "brightness": "BrightnessIncreasing",
    "sharpness": "SharpnessIncreasing",
    "shear_x": "ShearX",
    "shear_y": "ShearY",
    "translate_x": "TranslateXRel",
    "translate_y": "TranslateYRel",
}
_ORDER = ("random_resized_crop", "sample", "shuffle", "grayscale", "gaussian_blur")
_BLUR = (0.1, 2.0)


def _refuse(operation: str, why: str) -> Exception:
    return not_expressible("timm", operation, why)


def _tenths(leaf: Operation) -> tuple[float, float]:
    limit = OPERATIONS[leaf.op].search_limit
    return 10.0 * leaf.low / limit, 10.0 * leaf.high / limit


def _kept(magnitude: int) -> int:
    """Bits that timm's PosterizeOriginal keeps."""
    return int(magnitude * 0.4) + 4


def _magnitude(leaves: list[Operation]) -> tuple[int, bool, list[Difference]]:
    """The shared magnitude, and whether it is drawn uniformly from 0 to there."""
    shared: tuple[float, float] | None = None
    for leaf in leaves:
        if not OPERATIONS[leaf.op].has_strength or leaf.op == "posterize":
            continue
        if OPERATIONS[leaf.op].signed and leaf.sign not in (None, "random"):
            raise _refuse(leaf.op, "its sign is fixed, and timm draws it")
        own = _tenths(leaf)
        shared = shared or own
        if max(abs(a - b) for a, b in zip(own, shared, strict=True)) > 0.01:
            raise _refuse(leaf.op, "all operations must have the same part of their range")
    bits = [int(leaf.high) for leaf in leaves if leaf.op == "posterize"]
    alone = next((float(m) for m in range(11) if bits and _kept(m) == 8 - bits[0]), 10.0)
    low, high = shared or (alone, alone)
    drawn = low != high
    if (drawn and low > 0.0) or high > 10.0:
        raise _refuse(
            leaves[0].op,
            "strengths must be one number, or begin at 0, and end by the largest searched one",
        )
    whole = round(high)
    found = []
    if abs(whole - high) > 0.01:
        found.append(
            Difference(
                "sample", f"magnitude {whole} of 10 instead of {high:.2f}: timm takes whole numbers"
            )
        )
    for leaf in leaves:
        # Its two posterizes keep 4 bits less, or fewer bits the smaller the magnitude.
        if leaf.op == "posterize" and (
            drawn or leaf.low != leaf.high or _kept(whole) != 8 - int(leaf.high)
        ):
            raise _refuse(leaf.op, f"at magnitude {whole} timm clears other numbers of bits")
    if any(leaf.op == "solarize" for leaf in leaves):
        found.append(Difference("solarize", "thresholds are whole numbers of 0 to 256"))
    return whole, drawn, found


def _rand_augment(stage: Sample) -> tuple[dict[str, Any], list[Difference]]:
    if not stage.replace or stage.probability < 1:
        raise _refuse("sample", "timm always draws, and with replacement")
    applied: list[Operation] = []
    for leaf in stage.of:
        if isinstance(leaf, Operation) and (
            leaf.probability == 0 or (OPERATIONS[leaf.op].has_strength and leaf.high == 0)
        ):
            continue  # the identity: the others are drawn more often, and applied less
        if isinstance(leaf, RandomResizedCrop) or leaf.op not in _NAMES:
            raise _refuse(leaf.op, "its RandAugment does not have it")
        if leaf.fill_color != (0, 0, 0):
            raise _refuse(leaf.op, "it has a fill of its own, and RandAugment has one for all")
        applied.append(leaf)
    if not applied:
        raise _refuse("sample", "none of its operations does anything")
    if len({leaf.probability for leaf in applied}) > 1:
        raise _refuse("sample", "its operations have different probabilities")
    magnitude, drawn, found = _magnitude(applied)
    probability = applied[0].probability * len(applied) / len(stage.of)
    text = f"rand-m{magnitude}-n{stage.count}-p{probability:.6g}-inc1"
    return {
        "config_str": text + ("-mstd101" if drawn else ""),  # over 100: uniform from 0
        "hparams": {"img_mean": [0, 0, 0], "interpolation": 2, "translate_pct": 0.45},
        "transforms": [_NAMES[leaf.op] for leaf in applied],
    }, found


def _color_jitter(stage: Shuffle) -> dict[str, Any]:
    strengths = list(jitter_strengths(stage, "timm"))
    return {"color_jitter": strengths, "color_jitter_prob": stage.probability}


def _stage(stage: Stage, arguments: dict[str, Any]) -> None:
    """Enter a stage that is no sample into the arguments of create_transform."""
    if isinstance(stage, RandomResizedCrop):
        if stage.probability < 1:
            raise _refuse(stage.op, "timm always crops")
        arguments.update(scale=list(stage.scale), ratio=list(stage.ratio))
    elif isinstance(stage, Shuffle):
        arguments.update(_color_jitter(stage))
    elif isinstance(stage, Operation) and stage.op == "grayscale":
        arguments.update(grayscale_prob=stage.probability)
    elif isinstance(stage, Operation) and stage.op == "gaussian_blur":
        if stage.strength != _BLUR:
            raise _refuse(stage.op, "its blur has a standard deviation of 0.1 to 2 pixels")
        arguments.update(gaussian_blur_prob=stage.probability)
    else:
        raise _refuse(stage.op, "it stands alone, and timm has it in RandAugment at most")


def _arguments(
    stages: Sequence[Stage],
) -> tuple[dict[str, Any], dict[str, Any] | None, list[Difference]]:
    """Those of `create_transform` and `rand_augment_transform` for one view."""
    arguments: dict[str, Any] = {
        "scale": [1.0, 1.0],
        "ratio": [1.0, 1.0],
        "hflip": 0.0,
        "vflip": 0.0,
        "interpolation": "bilinear",
        "color_jitter": None,
        "color_jitter_prob": None,
        "grayscale_prob": 0.0,
        "gaussian_blur_prob": 0.0,
        "auto_augment": None,
    }
    rand_augment: dict[str, Any] | None = None
    found: list[Difference] = []
    reached = -1
    flips = {"horizontal_flip": "hflip", "vertical_flip": "vflip"}
    for stage in stages:
        if stage.probability == 0:
            continue
        if stage.op in flips:
            if arguments[flips[stage.op]]:
                raise _refuse(stage.op, "it flips once")
            arguments[flips[stage.op]] = stage.probability
            if rand_augment is not None:
                raise _refuse(stage.op, "timm flips before RandAugment")
            continue  # before or after colours and blur is the same
        place = _ORDER.index(stage.op) if stage.op in _ORDER else -1
        if place < 0:
            _stage(stage, arguments)
        if place <= reached:
            raise _refuse(stage.op, f"timm's order is {', '.join(_ORDER)}, each once")
        reached = place
        if isinstance(stage, Sample):
            rand_augment, found = _rand_augment(stage)
        else:
            _stage(stage, arguments)
    return arguments, rand_augment, found


def timm(policy: Policy, options: Options) -> Export:
    """A file with timm's transforms of each view.

    Raises:
        InvalidInputError: code `export_not_possible`, naming the operation.
    """
    found = list(differences(policy, "timm", options))
    constants, views = "", []
    for name, stages in zip(("FIRST", "SECOND"), policy.views, strict=False):
        create, rand, own = _arguments(stages)
        found += [item for item in own if item not in found]
        constants += f"{name} = {pprint.pformat((create, rand), width=100, sort_dicts=False)}\n"
        views.append(f"View(*{name}, {intensity_of(policy)!r}, SIZE)")
    usage = [
        "from policy_timm import first_view, second_view, two_views",
        "Each takes and returns a PIL image; first_view.sized(224) returns squares, cropped from",
        "the original. Normalize after. FIRST holds the arguments of timm.data.create_transform",
        "and of timm.data.auto_augment.rand_augment_transform.",
    ]
    rest = f"{constants}\n{both_views(policy, views)}{TWO_VIEWS}"
    text = python_file(policy, "timm", usage, found, rest, size=options.size)
    return Export(text, "policy_timm.py", MEDIA_TYPE, tuple(found))
