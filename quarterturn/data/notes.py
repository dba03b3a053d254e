"""Decisions that are told, and warnings about a set: a code, a sentence and how many images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quarterturn.data.observed import Observed
from quarterturn.data.plan import DecodePlan
from quarterturn.policy.pictures import IntensityRange, Pictures

_DARK, _BRIGHT, _FLAT, _FEW_LEVELS = 64, 192, 32, 16
#: Levels of fewer pixels than this are noise of compression.
_RARE = 1e-4
_LOST = 0.1  # area
_SPREAD = 4.0  # sides
_MASKS = 0.2  # of the images


@dataclass(frozen=True)
class Note:
    """`count` images are concerned; `warning` is one that should be looked at."""

    code: str
    message: str
    count: int
    warning: bool = False


_OF_PICTURES = {
    "animated": "animations: the first frame is used",
    "no_end_marker": "JPEGs without end marker: the picture is whole, and used",
}
_FITS = {
    "crop": "The central square of each.",
    "pad": "All of each, on black.",
    "stretch": "All of each, stretched to a square.",
}
_SOURCES = {
    "window": "as asked for",
    "voi": "the window that the files state",
    "bits": "the bits that the files say are stored",
    "depth": "the bits that the values need",
    "reflectance": "reflectance times 10,000, as georeferenced files store it",
    "hounsfield": "from air to bone, as the values look like Hounsfield units of a CT",
    "unit": "the range of the values",
    "percentiles": "percentiles of all of them",
}


def intensity_words(intensity: IntensityRange) -> str:
    """The range in a sentence, for reports, pages and cards."""
    return (
        f"Values from {intensity.low:g} (black) to {intensity.high:g} (white) are shown in every "
        f"image alike: {_SOURCES[intensity.source]}."
    )


def pictures_words(pictures: Pictures) -> str:
    """How files became pictures, for cards."""
    parts = [] if pictures.intensity is None else [intensity_words(pictures.intensity)]
    if pictures.bands:
        bands = ", ".join(map(str, pictures.bands))
        parts.append(f"Bands {bands} of each file.")
    return " ".join([*parts, _FITS[pictures.fit]])


def _of_range(observed: Observed, plan: DecodePlan) -> list[Note]:
    intensity = plan.pictures.intensity
    if intensity is None:
        return []
    count = observed.deep or observed.plain
    change = "" if intensity.source == "window" else " Another window changes it."
    notes = [Note("intensity", intensity_words(intensity) + change, count)]
    if observed.deep and observed.plain:
        notes.append(
            Note(
                "mixed_depths",
                f"{observed.plain} images of 8 bits among {observed.deep} of more are used as "
                "they are: their brightness may differ for that reason alone.",
                observed.plain,
                warning=True,
            )
        )
    return notes


def _of_files(observed: Observed) -> list[Note]:
    notes = []
    for code, count in sorted(observed.notes.items()):
        if code.startswith("bands:"):
            bands = code.removeprefix("bands:")
            used = (
                "the first three are red, green and blue"
                if int(bands) > 2
                else ("the first is used, as grey")
            )
            message = f"{count} images have {bands} bands: {used}. Choose others with bands."
            notes.append(Note("bands", message, count))
        elif code in _OF_PICTURES:
            notes.append(Note(code, f"{count} {_OF_PICTURES[code]}.", count))
    return notes


def _of_shape(observed: Observed, plan: DecodePlan) -> list[Note]:
    images = observed.plain + observed.deep
    notes = []
    lost = observed.lost / images if images else 0.0
    if plan.pictures.fit == "crop" and lost > _LOST:
        message = (
            f"The central square is used, which leaves out {100 * lost:.0f} % of the area on "
            "average. Fit by pad or stretch keeps all of it."
        )
        notes.append(Note("crop", message, images))
    sides = sorted(observed.sides)
    if sides and sides[-1] > _SPREAD * sides[0]:
        message = (
            f"Shorter sides lie between {sides[0]} and {sides[-1]} pixels; all images are worked "
            f"on at {plan.resolution}."
        )
        notes.append(Note("sizes", message, images))
    return notes


def _of_levels(observed: Observed) -> list[Note]:
    images, total = observed.plain + observed.deep, int(observed.levels.sum())
    if not total:
        return []
    reached = np.cumsum(observed.levels) / total
    low, high = (int(np.searchsorted(reached, part)) for part in (0.01, 0.99))
    levels = int((observed.levels > _RARE * total).sum())
    advice = "; a window such as p0.1:p99.9 stretches them"
    found = (
        ("dark", high < _DARK, f"99 % of the pixels are darker than {high + 1} of 255{advice}"),
        ("bright", low > _BRIGHT, f"99 % of the pixels are brighter than {low - 1} of 255{advice}"),
        (
            "flat",
            high - low < _FLAT,
            f"98 % of the pixels lie within {high - low} of 255 levels{advice}",
        ),
        ("few_levels", levels < _FEW_LEVELS, f"The pixels take only {levels} of 256 levels"),
    )
    notes = [Note(code, f"{text}.", images, warning=True) for code, met, text in found if met]
    if observed.masks > _MASKS * images:
        message = (
            f"{observed.masks} images have eight levels or fewer, as masks of labels do. Leave "
            "them out if they are."
        )
        notes.append(Note("masks", message, observed.masks, warning=True))
    return notes


def notes_of(observed: Observed, plan: DecodePlan, near_copies: int = 0) -> list[Note]:
    """What is to be told of a set, decisions first."""
    notes = _of_range(observed, plan) + _of_files(observed) + _of_shape(observed, plan)
    notes += _of_levels(observed)
    images = observed.plain + observed.deep
    if near_copies:
        message = (
            f"{near_copies} images have near copies, as frames and thumbnails are: those that look "
            "alike lie in one split."
        )
        notes.append(Note("near_copies", message, near_copies))
    if images and not observed.colored:
        message = "All images are grey: operations that change colors only do nothing to them."
        notes.append(Note("grey", message, images))
    return notes
