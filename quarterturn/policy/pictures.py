"""How files become the pictures that a policy was chosen on; part of its document."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from quarterturn.validation import Document

Fit = Literal["crop", "pad", "stretch"]
#: Asked for; stated as the window to show, or as the bits stored; the bits that the values need;
#: reflectance x 10,000 of maps; Hounsfield units; 0 to 1 of floats; percentiles of the whole set.
RangeSource = Literal[
    "window", "voi", "bits", "depth", "reflectance", "hounsfield", "unit", "percentiles"
]
Band = Annotated[int, Field(ge=1, le=1000)]


class IntensityRange(Document):
    """Sample values shown as black (0) and white (255), the same for every image of a set.

    `of` says which samples it holds for: `deep` are all but 8-bit ones, which stay as they are.
    """

    low: float
    high: float
    of: Literal["deep", "all"] = "deep"
    source: RangeSource = "window"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError("low must be less than high")
        return self

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


class Pictures(Document):
    """The intensity range, the bands taken as red, green and blue, and the way to a square."""

    intensity: IntensityRange | None = None
    bands: Annotated[list[Band], Field(min_length=1, max_length=3)] | None = None
    fit: Fit = "crop"

    @model_validator(mode="after")
    def _one_or_three(self) -> Self:
        if self.bands is not None and len(self.bands) == 2:
            raise ValueError("bands must be one (grey) or three (red, green, blue), from 1")
        return self

    @property
    def is_default(self) -> bool:
        """Nothing is to be done that plain decoding does not do."""
        return self == Pictures()
