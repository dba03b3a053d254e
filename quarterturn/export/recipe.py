"""Views of the usual form: crop, flips, jitter, grey, blur, solarize; for dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quarterturn.export.formats import not_expressible
from quarterturn.policy.schema import Operation, RandomResizedCrop, Shuffle, Stage

_JITTER = ("brightness", "contrast", "saturation", "hue")
_FLIPS = ("horizontal_flip", "vertical_flip")


@dataclass
class Recipe:
    """A view of the usual form; a probability of 0 leaves out.

    Attributes:
        jitter: largest brightness, contrast, saturation and hue.
        blur: least and largest standard deviation, in pixels.
        solarize: part of the value range that is inverted.
    """

    crop: RandomResizedCrop | None = None
    horizontal_flip: float = 0.0
    vertical_flip: float = 0.0
    jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    jitter_probability: float = 0.0
    grayscale: float = 0.0
    blur: tuple[float, float] = (0.1, 2.0)
    blur_probability: float = 0.0
    solarize: float = 0.5
    solarize_probability: float = 0.0
    equalize: float = 0.0


def jitter_strengths(stage: Shuffle, library: str) -> tuple[float, float, float, float]:
    """Largest brightness, contrast, saturation and hue of a color jitter.

    Raises:
        InvalidInputError: `export_not_possible`, it is none of the usual form.
    """
    strengths = dict.fromkeys(_JITTER, 0.0)
    for leaf in stage.of:
        if isinstance(leaf, RandomResizedCrop) or leaf.op not in _JITTER:
            raise not_expressible(library, leaf.op, "its color jitter does not have it")
        plain = leaf.probability == 1 and leaf.low == 0 and leaf.sign in (None, "random")
        if not plain or strengths[leaf.op]:
            why = "in its color jitter each is applied once, from 0, with a sign at random"
            raise not_expressible(library, leaf.op, why)
        strengths[leaf.op] = leaf.high
    brightness, contrast, saturation, hue = (strengths[name] for name in _JITTER)
    return brightness, contrast, saturation, hue


def _enter(recipe: Recipe, stage: Stage, library: str) -> None:
    if isinstance(stage, RandomResizedCrop):
        if stage.probability < 1:
            raise not_expressible(library, stage.op, "it always crops")
        recipe.crop = stage
    elif isinstance(stage, Shuffle):
        recipe.jitter = jitter_strengths(stage, library)
        recipe.jitter_probability = stage.probability
    elif stage.op == "grayscale":
        recipe.grayscale = stage.probability
    elif stage.op == "equalize":
        recipe.equalize = stage.probability
    elif isinstance(stage, Operation) and stage.op == "gaussian_blur":
        recipe.blur, recipe.blur_probability = (stage.low, stage.high), stage.probability
    elif isinstance(stage, Operation) and stage.op == "solarize":
        if stage.low != stage.high:
            raise not_expressible(library, stage.op, "it has one threshold, not a range")
        recipe.solarize, recipe.solarize_probability = stage.high, stage.probability


def read_recipe(stages: Sequence[Stage], library: str, order: Sequence[str]) -> Recipe:
    """A view as the library applies it.

    Args:
        order: of the operations there, each once, besides flips, whose place makes no difference.

    Raises:
        InvalidInputError: `export_not_possible`, naming the operation.
    """
    recipe, reached = Recipe(), -1
    for stage in stages:
        if stage.probability == 0:
            continue
        if stage.op in _FLIPS:
            if getattr(recipe, stage.op):
                raise not_expressible(library, stage.op, "it flips once")
            setattr(recipe, stage.op, stage.probability)
            continue
        if stage.op not in order:
            raise not_expressible(library, stage.op, "it does not have it")
        place = order.index(stage.op)
        if place <= reached:
            why = f"its order is {', '.join(order)}, each once"
            raise not_expressible(library, stage.op, why)
        reached = place
        _enter(recipe, stage, library)
    return recipe
