"""Families of sets: what is learned is judged on a family that it has not seen."""

from __future__ import annotations

FAMILIES: dict[str, tuple[str, ...]] = {
    "photographs": ("cifar10", "clothing", "gtsrb", "signdigits"),
    "drawings": ("wesnoth", "emoji"),
    "medical and microscopy": ("chestxray", "malaria", "plankton"),
    "from above": ("rsscn7", "seedlings"),
    "goods and industry": ("grocery", "trashnet", "deeppcb"),
    "handwriting and shapes": ("omniglot", "mnist", "animal-mnist"),
}


def family_of(name: str) -> str:
    """The family of a set; a set that is in none is a family of its own."""
    return next((family for family, sets in FAMILIES.items() if name in sets), name)
