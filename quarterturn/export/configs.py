"""Dictionaries that trainers read, of LightlyTrain and solo-learn."""

from __future__ import annotations

import json
from typing import Any

from quarterturn.errors import InvalidInputError
from quarterturn.export.differences import differences
from quarterturn.export.formats import Difference, Export, Options, not_expressible, one_view
from quarterturn.export.recipe import Recipe, read_recipe
from quarterturn.policy.schema import Policy
from quarterturn.policy.searched import searched_lines, searched_side

_LIGHTLY_TRAIN = ("random_resized_crop", "shuffle", "grayscale", "gaussian_blur", "solarize")
_SOLO_LEARN = (*_LIGHTLY_TRAIN, "equalize")
_RATIO = (3 / 4, 4 / 3)
_BLUR = (0.1, 2.0)


def _size(policy: Policy, options: Options, library: str) -> int:
    size = options.size or searched_side(policy)
    if size is None:
        raise InvalidInputError(
            f"{library} must know the size of the views. Give `size` in pixels.",
            code="export_size_needed",
        )
    return size


def lightly_train(policy: Policy, options: Options) -> Export:
    """`transform_args` of `lightly_train.pretrain`, as JSON."""
    library = "lightly-train"
    size, side = _size(policy, options, library), searched_side(policy)
    recipe = read_recipe(policy.view(options.view), library, _LIGHTLY_TRAIN)
    factor = size / side if side else 1.0
    crop = recipe.crop
    brightness, contrast, saturation, hue = recipe.jitter
    arguments: dict[str, Any] = {
        "image_size": [size, size],
        "random_resize": None
        if crop is None
        else {
            "min_scale": crop.scale[0],
            "max_scale": crop.scale[1],
            "min_ratio": crop.ratio[0],
            "max_ratio": crop.ratio[1],
        },
        "random_flip": {
            "horizontal_prob": recipe.horizontal_flip,
            "vertical_prob": recipe.vertical_flip,
        },
        "random_rotation": None,
        "color_jitter": {
            "prob": recipe.jitter_probability,
            "strength": 1.0,
            "brightness": brightness,
            "contrast": contrast,
            "saturation": saturation,
            "hue": hue,
        }
        if recipe.jitter_probability
        else None,
        "random_gray_scale": recipe.grayscale or None,
        "gaussian_blur": {
            "prob": recipe.blur_probability,
            "sigmas": [bound * factor for bound in recipe.blur],
            "blur_limit": 0,
        }
        if recipe.blur_probability
        else None,
        "solarize": {
            "prob": recipe.solarize_probability,
            "threshold": min(1.0, 256.0 * (1.0 - recipe.solarize) / 255.0),
        }
        if recipe.solarize_probability
        else None,
    }
    found = differences(policy, library, options, one_view=True)
    return one_view(policy, "lightly_train", {"transform_args": arguments}, options, found)


def _refuse_fixed(recipe: Recipe, library: str) -> None:
    """What solo-learn has fixed."""
    if recipe.vertical_flip:
        raise not_expressible(library, "vertical_flip", "it does not have it")
    if recipe.solarize_probability and recipe.solarize != 0.5:
        raise not_expressible(library, "solarize", "it inverts the upper half of the values")
    crop = recipe.crop
    if crop and max(abs(a - b) for a, b in zip(crop.ratio, _RATIO, strict=True)) > 1e-3:
        raise not_expressible(library, crop.op, "its aspect ratios are 3/4 to 4/3")


def _solo_view(recipe: Recipe, size: int, count: int) -> dict[str, Any]:
    crop = recipe.crop
    brightness, contrast, saturation, hue = recipe.jitter
    low, high = crop.scale if crop else (1.0, 1.0)
    return {
        "rrc": {"enabled": crop is not None, "crop_min_scale": low, "crop_max_scale": high},
        "color_jitter": {
            "prob": recipe.jitter_probability,
            "brightness": brightness,
            "contrast": contrast,
            "saturation": saturation,
            "hue": hue,
        },
        "grayscale": {"prob": recipe.grayscale},
        "gaussian_blur": {"prob": recipe.blur_probability},
        "solarization": {"prob": recipe.solarize_probability},
        "equalization": {"prob": recipe.equalize},
        "horizontal_flip": {"prob": recipe.horizontal_flip},
        "crop_size": size,
        "num_crops": count,
    }


def solo_learn(policy: Policy, options: Options) -> Export:
    """The `augmentations` of solo-learn, a YAML file with both views."""
    library = "solo-learn"
    size, side = _size(policy, options, library), searched_side(policy)
    count = 2 if len(policy.views) == 1 else 1
    found = list(differences(policy, library, options))
    views = []
    for stages in policy.views:
        recipe = read_recipe(stages, library, _SOLO_LEARN)
        _refuse_fixed(recipe, library)
        scaled = tuple(bound * size / (side or size) for bound in recipe.blur)
        if recipe.blur_probability and scaled != _BLUR:
            low, high = (f"{bound:.3g}" for bound in scaled)
            note = f"its standard deviation is 0.1 to 2 pixels, the policy's {low} to {high}"
            if (item := Difference("gaussian_blur", note)) not in found:
                found.append(item)
        views.append(_solo_view(recipe, size, count))
    head = [
        f"Augmentation policy {json.dumps(policy.name)}, exported by Quarterturn.",
        f"Digest: {policy.digest}",
        *searched_lines(policy),
        "Defaults of a run of solo-learn: `defaults: - augmentations: policy_solo_learn.yaml`.",
        *(f"Difference: {item.operation}: {item.message}" for item in found),
    ]
    text = "".join(f"# {line}\n" for line in head) + json.dumps(views, indent=2) + "\n"
    return Export(text, "policy_solo_learn.yaml", "application/yaml", tuple(found))
