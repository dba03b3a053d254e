"""Albumentations: its own pipeline, in the library's serialized form, in a file that reads it.

Written without the library, which a server need not have; the tests load it in the real one.
"""

from __future__ import annotations

import math
import pprint
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from quarterturn.errors import InvalidInputError
from quarterturn.export.differences import differences
from quarterturn.export.files import MEDIA_TYPE, TWO_VIEWS
from quarterturn.export.formats import Export, Options
from quarterturn.export.pythonfile import both_views, colors_of, fit_of, intensity_of, python_file
from quarterturn.policy.leaves import leaves
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import (
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)
from quarterturn.policy.searched import searched_side
from quarterturn.policy.sizes import crop_place, rescaled

#: The release whose serialised form this is.
VERSION = "2.0.8"
_LINEAR = 1  # cv2.INTER_LINEAR
_AREA = 3  # cv2.INTER_AREA, which averages what it shrinks
_SHEARS = 8
_Node = dict[str, Any]


def _node(name: str, probability: float = 1.0, **fields: Any) -> _Node:
    return {"__class_fullname__": name, "p": probability, **fields}


#: One number for any number of channels, or one each of red, green and blue.
_Fill = int | list[int]


def _fill(leaf: Operation) -> _Fill:
    color = list(leaf.fill_color)
    return color[0] if len(set(color)) == 1 else color


def _affine(low: float, high: float, axis: str, kind: str, fill: _Fill) -> _Node:
    fields: _Node = {
        "scale": {"x": [1.0, 1.0], "y": [1.0, 1.0]},
        "rotate": [0.0, 0.0],
        "shear": {"x": [0.0, 0.0], "y": [0.0, 0.0]},
        "translate_percent": None,
        "translate_px": {"x": [0, 0], "y": [0, 0]},
        "interpolation": _LINEAR,
        "border_mode": 0,
        "fill": fill,
    }
    bounds = {"x": [0.0, 0.0], "y": [0.0, 0.0], axis: [low, high]}
    fields[kind] = bounds
    if kind == "translate_percent":
        fields["translate_px"] = None
    return _node("Affine", **fields)


def _shear(low: float, high: float, axis: str, fill: _Fill) -> _Node:
    """Shears about the top-left corner.

    The library shears about the centre. Each shear needs a shift of its own with that, and what is
    drawn cannot be tied together: a range becomes a few fixed shears.
    """
    count = 1 if low == high else _SHEARS
    found = []
    for number in range(count):
        strength = low + (high - low) * (number + 0.5) / count
        angle = math.degrees(math.atan(strength))
        node = _affine(angle, angle, axis, "shear", fill)
        moved = {"x": [0.0, 0.0], "y": [0.0, 0.0], axis: [-strength / 2, -strength / 2]}
        found.append({**node, "translate_percent": moved, "translate_px": None})
    return found[0] if count == 1 else _node("OneOf", transforms=found)


def _jitter(name: str, low: float, high: float) -> _Node:
    fields: _Node = {
        "brightness": [1.0, 1.0],
        "contrast": [1.0, 1.0],
        "saturation": [1.0, 1.0],
        "hue": [0.0, 0.0],
    }
    fields[name] = [low, high]
    return _node("ColorJitter", **fields)


def _rotate(low: float, high: float, fill: _Fill) -> _Node:
    return _node("Rotate", limit=[low, high], interpolation=_LINEAR, border_mode=0, fill=fill)


def _signed(leaf: Operation, low: float, high: float) -> _Node:
    """A signed operation whose strength is uniform in [low, high], both signs meant."""
    fill = _fill(leaf)
    name = leaf.op
    if name in ("translate_x", "translate_y"):
        # A positive strength moves content to the left or up.
        return _affine(-high, -low, name[-1], "translate_percent", fill)
    if name in ("shear_x", "shear_y"):
        return _shear(low, high, name[-1], fill)
    if name == "rotate":
        return _rotate(low, high, fill)
    if name in ("brightness", "contrast", "saturation"):
        return _jitter(name, 1.0 + low, 1.0 + high)
    if name == "hue":
        return _jitter(name, low, high)
    assert name == "sharpness", name
    if high > 0:
        # PIL's filter is image + s / 13 * (8 * centre - its neighbours): Sharpen's kernel.
        return _node(
            "Sharpen",
            alpha=[low / 13, high / 13],
            lightness=[1.0, 1.0],
            method="kernel",
            kernel_size=5,
            sigma=1.0,
        )
    sigmas = [math.sqrt(6.0 * -bound / 13.0) for bound in (high, low)]
    return _node("GaussianBlur", blur_limit=[3, 3], sigma_limit=sigmas)


def _posterize(low: int, high: int) -> _Node:
    kept = _node("Posterize", num_bits=[8 - high, 8 - max(low, 1)])
    if low > 0:
        return kept
    # Its own range begins at one bit removed: none removed is one value of high + 1.
    if high == 0:
        return _node("NoOp")
    return _node(
        "OneOf", transforms=[{**kept, "p": high / (high + 1)}, _node("NoOp", 1 / (high + 1))]
    )


def _unsigned(leaf: Operation) -> _Node:
    low, high, fill = leaf.low, leaf.high, _fill(leaf)
    if leaf.op == "solarize":
        bounds = sorted(min(1.0, 256.0 * (1.0 - bound) / 255.0) for bound in (low, high))
        return _node("Solarize", threshold_range=bounds)
    if leaf.op == "posterize":
        return _posterize(math.floor(low), math.floor(high))
    if leaf.op == "cutout":
        side = [max(low, 1e-6), max(high, 1e-6)]
        return _node(
            "CoarseDropout",
            num_holes_range=[1, 1],
            hole_height_range=side,
            hole_width_range=side,
            fill=fill,
        )
    if leaf.op == "gaussian_blur":
        return _node("GaussianBlur", blur_limit=[0, 0], sigma_limit=[low, high])
    if leaf.op == "gaussian_noise":
        return _node(
            "GaussNoise",
            std_range=[low, high],
            mean_range=[0.0, 0.0],
            per_channel=True,
            noise_scale_factor=1.0,
        )
    if leaf.op == "rotate90":
        turns = [_rotate(float(angle), float(angle), fill) for angle in (90, 180, 270)]
        return _node("OneOf", transforms=turns)
    plain: dict[str, _Node] = {
        "auto_contrast": _node("AutoContrast", cutoff=0.0, ignore=None, method="pil"),
        "invert": _node("InvertImg"),
        "equalize": _node("Equalize", mode="pil", by_channels=True, mask=None),
        "grayscale": _node("ToGray", num_output_channels=3, method="weighted_average"),
        "horizontal_flip": _node("HorizontalFlip"),
        "vertical_flip": _node("VerticalFlip"),
    }
    return plain[leaf.op]


def _identity(leaf: Operation) -> bool:
    """Whether it has a strength of nothing, which some ranges of the library exclude."""
    return OPERATIONS[leaf.op].has_strength and leaf.high == 0.0


def _leaf(leaf: Operation | RandomResizedCrop, size: int | None) -> _Node:
    if isinstance(leaf, RandomResizedCrop):
        return _node(
            "RandomResizedCrop",
            leaf.probability,
            size=[size, size],
            scale=list(leaf.scale),
            ratio=list(leaf.ratio),
            interpolation=_AREA,
        )
    if _identity(leaf):
        return _node("NoOp", leaf.probability)
    if not OPERATIONS[leaf.op].signed:
        return {**_unsigned(leaf), "p": leaf.probability}
    sign = leaf.sign or "random"
    positive, negative = (leaf.low, leaf.high), (-leaf.high, -leaf.low)
    if sign == "random":
        if leaf.low == 0.0 and leaf.op != "sharpness":
            return {**_signed(leaf, -leaf.high, leaf.high), "p": leaf.probability}
        both = [{**_signed(leaf, *bounds), "p": 0.5} for bounds in (negative, positive)]
        return _node("OneOf", leaf.probability, transforms=both)
    bounds = positive if sign == "positive" else negative
    return {**_signed(leaf, *bounds), "p": leaf.probability}


def _stage(stage: Stage, size: int | None) -> _Node:
    if isinstance(stage, OneOf):
        branches = [
            # The probability of a branch is its weight; it may not pass 1.
            _node(
                "Sequential",
                branch.weight / max(other.weight for other in stage.branches),
                transforms=[_leaf(leaf, size) for leaf in branch.stages] or [_node("NoOp")],
            )
            for branch in stage.branches
        ]
        return _node("OneOf", stage.probability, transforms=branches)
    if isinstance(stage, Sample | Shuffle):
        of = [_leaf(leaf, size) for leaf in stage.of]
        sampled = isinstance(stage, Sample)
        return _node(
            "RandomOrder",
            stage.probability,
            transforms=of,
            n=stage.count if isinstance(stage, Sample) else len(of),
            replace=sampled and isinstance(stage, Sample) and stage.replace,
        )
    return _leaf(stage, size)


def _squares(size: int, fit: str) -> list[_Node]:
    """From pictures of any shape to squares, as the search makes them."""
    resize = _node("Resize", height=size, width=size, interpolation=_AREA)
    if fit == "stretch":
        return [resize]
    if fit == "pad":
        longest = _node("LongestMaxSize", max_size=size, interpolation=_AREA)
        pad = _node(
            "PadIfNeeded",
            min_height=size,
            min_width=size,
            position="center",
            border_mode=0,
            fill=0,
        )
        return [longest, pad]
    shortest = _node("SmallestMaxSize", max_size=size, interpolation=_AREA)
    return [shortest, _node("CenterCrop", height=size, width=size)]


def _view(stages: Sequence[Stage], size: int | None, side: int | None, fit: str) -> _Node:
    """The pipeline of one view, to squares of `size`."""
    place = crop_place(stages)
    nodes: list[_Node] = []
    for number, stage in enumerate(stages):
        if size is not None and number == (place or 0) and place is None:
            nodes += _squares(size, fit)
        square = size is not None and (place is None or number > place)
        scaled = rescaled([stage], size / side)[0] if square and size and side else stage
        nodes.append(_stage(scaled, size))
    if size is not None and not stages:
        nodes += _squares(size, fit)
    return _node(
        "Compose",
        transforms=nodes or [_node("NoOp")],
        bbox_params=None,
        keypoint_params=None,
        additional_targets={},
        is_check_shapes=True,
    )


def albumentations(policy: Policy, options: Options) -> Export:
    """A file with the library's pipeline of each view.

    Raises:
        InvalidInputError: code `export_size_needed`: there is a crop, and no size to resize it to.
    """
    crops = any(leaf.op == "random_resized_crop" for view in policy.views for leaf in leaves(view))
    size = options.size or (searched_side(policy) if crops else None)
    if size is None and crops:
        raise InvalidInputError(
            "The policy crops, and albumentations must know the size that crops are resized to. "
            "It says of no search, whose size would do. Give `size` in pixels.",
            code="export_size_needed",
        )
    found = differences(policy, "albumentations", replace(options, size=size))
    usage = [
        "from policy_albumentations import first_view, second_view, two_views",
        "Each takes a PIL image or an array (h, w, 3) of uint8, and returns the same kind;",
        'first_view(image=array)["image"], as the library\'s transforms. Normalize after.',
    ]
    side, intensity = searched_side(policy), intensity_of(policy)
    documents, names = "", []
    for number, stages in enumerate(policy.views):
        pipeline = _view(stages, size, side, fit_of(policy))
        document = {"__version__": VERSION, "transform": pipeline}
        names.append(("FIRST", "SECOND")[number])
        documents += f"{names[-1]} = {pprint.pformat(document, width=100, sort_dicts=False)}\n"
    views = [f"View({name}, {colors_of(policy)!r}, {intensity!r})" for name in names]
    rest = f"{documents}\n{both_views(policy, views)}{TWO_VIEWS}"
    text = python_file(policy, "albumentations", usage, found, rest, size=size)
    return Export(text, "policy_albumentations.py", MEDIA_TYPE, found)
