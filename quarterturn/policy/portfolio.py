"""Recipes that a search begins with beside the baselines: each is the best of the field, or near
it, on some of the image sets of the table (`benchmarks/experiments/table`).
"""

from __future__ import annotations

from quarterturn.errors import InvalidInputError
from quarterturn.policy.recipes import BASELINES, byol, crop, flip, jitter, rand_augment
from quarterturn.policy.schema import Operation, Policy, Stage


def equalize() -> Operation:
    """Histogram equalization of every other image."""
    return Operation(op="equalize", probability=0.5)


def cutout() -> Operation:
    """A square of 0.2 to 0.5 of the side, made gray."""
    return Operation(op="cutout", strength=(0.2, 0.5))


def grayscale() -> Operation:
    """One image of five without color."""
    return Operation(op="grayscale", probability=0.2)


def _jitter() -> Stage:
    return jitter(0.4, 0.4, 0.4, 0.1)


def make_portfolio() -> list[Policy]:
    """In the order in which they are tried: what helps on most kinds of images first."""
    blur = Operation(op="gaussian_blur", strength=(0.5, 2.0))
    stages: dict[str, list[Stage]] = {
        "crop + equalize": [crop(), equalize(), flip()],
        "crop 0.5 + jitter": [crop(0.5), _jitter(), flip()],
        "crop 0.5": [crop(0.5), flip()],
        "crop + jitter": [crop(), _jitter(), flip()],
        "jitter": [_jitter(), flip()],
        "crop + jitter + grayscale": [crop(), _jitter(), grayscale(), flip()],
        "crop + cutout": [crop(), cutout(), flip()],
        "crop + blur": [crop(), blur, flip()],
    }
    policies = [Policy(name=name, views=[listed]) for name, listed in stages.items()]
    return [*policies[:2], rand_augment(1, 9), *policies[2:]]


def find_recipe(name: str) -> Policy:
    """A baseline, BYOL, or a recipe of the portfolio by its name.

    Raises:
        InvalidInputError: `unknown_recipe`.
    """
    made = {key: make() for key, make in {**BASELINES, "byol": byol}.items()}
    known = {**made, **{policy.name: policy for policy in make_portfolio()}}
    if name not in known:
        raise InvalidInputError(
            f"There is no recipe {name!r}. Give a policy document, or one of: {', '.join(known)}.",
            code="unknown_recipe",
            fields=[{"path": "$.incumbent", "message": "no such recipe", "allowed": [*known]}],
        )
    return known[name]
