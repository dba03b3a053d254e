"""The search-space document: which policies a search may propose.

A *domain* is a number, a range `{"min", "max"}` or a grid `{"values": [...]}`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import LeafName, OperationName, Stage
from quarterturn.validation import Document

SCHEMA_VERSION: Final = 1


class Range(Document):
    """All numbers from min to max."""

    min: float
    max: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("min must not exceed max")
        return self


class Grid(Document):
    """Some numbers."""

    values: Annotated[list[float], Field(min_length=1, max_length=64)]


def _kind_of_domain(value: Any) -> str | None:
    """Which member of a domain is meant, so that errors are about that one only."""
    if isinstance(value, Grid) or (isinstance(value, dict) and "values" in value):
        return "grid"
    if isinstance(value, Range | dict):
        return "range"
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else None


Domain = Annotated[
    Annotated[float, Tag("number")] | Annotated[Range, Tag("range")] | Annotated[Grid, Tag("grid")],
    Discriminator(
        _kind_of_domain,
        custom_error_type="domain",
        custom_error_message='must be a number, a range {"min", "max"} or a grid {"values"}',
    ),
]


def bounds(domain: float | Range | Grid) -> tuple[float, float]:
    """The smallest and the largest number of a domain."""
    if isinstance(domain, Range):
        return domain.min, domain.max
    if isinstance(domain, Grid):
        return min(domain.values), max(domain.values)
    return domain, domain


def _check(name: str, field: str, domain: float | Range | Grid | None, limit: float) -> None:
    if domain is not None:
        low, high = bounds(domain)
        if low < 0 or high > limit:
            raise ValueError(f"{field} of {name} must stay within [0, {limit:g}]")


class SpaceOperation(Document):
    """An operation with the probabilities and strengths that may be tried.

    Strength is in the unit of the operation; that of random_resized_crop is the largest part of
    the area that is cut away (0.8 crops down to a fifth). Left out, both take their full range.
    """

    op: LeafName
    probability: Domain = 1.0
    strength: Domain | None = None

    @model_validator(mode="after")
    def _fits_the_operation(self) -> Self:
        _check(self.op, "probability", self.probability, 1.0)
        if self.op == "random_resized_crop":
            _check(self.op, "strength", self.strength, 0.99)
        elif OPERATIONS[self.op].has_strength:
            _check(self.op, "strength", self.strength, OPERATIONS[self.op].limit)
        elif self.strength is not None:
            raise ValueError(f"{self.op} has no strength; remove that field")
        return self

    @property
    def strengths(self) -> float | Range | Grid:
        """The strengths that may be tried, the default range filled in."""
        if self.strength is not None:
            return self.strength
        if self.op == "random_resized_crop":
            return 0.8
        return Range(min=0.0, max=OPERATIONS[self.op].search_limit)


def _names_stand_for_operations(value: Any) -> Any:
    if isinstance(value, list):
        return [{"op": item} if isinstance(item, str) else item for item in value]
    return value


class ShuffledOperations(Document):
    """Operations applied in random order, all or none, as colour jitter does."""

    op: Literal["shuffle"]
    probability: Domain = 1.0
    of: Annotated[list[SpaceOperation], Field(min_length=1, max_length=8)]

    _names = field_validator("of", mode="before")(_names_stand_for_operations)


Draw = Literal["fixed", "up_to"]
BaseName = Literal["none", "flip", "crop_flip"]


def _kind_of_base(value: Any) -> str | None:
    if isinstance(value, list):
        return "stages"
    return "name" if value in get_args(BaseName) else None


#: What is applied after the searched part: a name, or stages of a policy.
Base = Annotated[
    Annotated[BaseName, Tag("name")] | Annotated[list[Stage], Field(max_length=32), Tag("stages")],
    Discriminator(
        _kind_of_base,
        custom_error_type="base",
        custom_error_message="must be none, flip, crop_flip, or a list of stages",
    ),
]


class _Space(Document):
    schema_version: Literal[1] = SCHEMA_VERSION
    name: Annotated[str, Field(min_length=1, max_length=100)] = "custom"
    base: Base = Field(
        default="crop_flip", description="What follows the searched part of every candidate."
    )
    draw: Draw = Field(
        default="fixed",
        description="Whether a strength s is used as it is, or drawn from [0, s] for each image.",
    )


class SingleOperationSpace(_Space):
    """Each operation alone (SelfAugment's base-augmentation study)."""

    kind: Literal["single_operation"]
    operations: Annotated[list[SpaceOperation], Field(min_length=1, max_length=64)]
    base: Base = "flip"
    draw: Draw = "up_to"

    _names = field_validator("operations", mode="before")(_names_stand_for_operations)


class RandAugmentSpace(_Space):
    """RandAugment: `count` operations drawn per image, all at one strength `magnitude`."""

    kind: Literal["rand_augment"]
    operations: Annotated[list[OperationName], Field(min_length=1, max_length=64)]
    count: Annotated[list[Annotated[int, Field(ge=1, le=8)]], Field(min_length=1, max_length=8)]
    magnitude: Domain = Field(description="Fraction of the largest searched strength, 0 to 1.")

    @model_validator(mode="after")
    def _fractions(self) -> Self:
        _check("rand_augment", "magnitude", self.magnitude, 1.0)
        return self


class SubPolicySpace(_Space):
    """SelfAugment: sub-policies of a few operations, one drawn per image and view."""

    kind: Literal["sub_policies"]
    operations: Annotated[list[SpaceOperation], Field(min_length=1, max_length=64)]
    sub_policies: Annotated[int, Field(ge=1, le=50)] = 5
    operations_per_sub_policy: Annotated[int, Field(ge=1, le=8)] = 2

    _names = field_validator("operations", mode="before")(_names_stand_for_operations)


def _kind_of_part(value: Any) -> str:
    op = value.get("op") if isinstance(value, dict) else getattr(value, "op", None)
    return "shuffle" if op == "shuffle" else "operation"


#: A part of a pipeline.
_Part = Annotated[
    Annotated[SpaceOperation, Tag("operation")] | Annotated[ShuffledOperations, Tag("shuffle")],
    Discriminator(_kind_of_part),
]


class PipelineSpace(_Space):
    """A fixed sequence of operations, whose probabilities and strengths are searched."""

    kind: Literal["pipeline"]
    operations: Annotated[
        list[_Part],
        Field(min_length=1, max_length=32),
    ]
    base: Base = "none"
    draw: Draw = "up_to"

    _names = field_validator("operations", mode="before")(_names_stand_for_operations)


RecipeOperation = LeafName


class RecipesSpace(Document):
    """Recipes as people write them: a crop, flips, color jitter, grayscale, blur and so on, each
    left out or at one of a few usual levels (`quarterturn.policy.slots`).
    """

    kind: Literal["recipes"]
    schema_version: Literal[1] = SCHEMA_VERSION
    name: Annotated[str, Field(min_length=1, max_length=100)] = "recipes"
    operations: Annotated[list[RecipeOperation], Field(min_length=1, max_length=64)] = Field(
        description="All operations that a recipe may use."
    )


#: Spaces whose candidates are built on a base.
BasedSpace = SingleOperationSpace | RandAugmentSpace | SubPolicySpace | PipelineSpace

SearchSpace = Annotated[
    SingleOperationSpace | RandAugmentSpace | SubPolicySpace | PipelineSpace | RecipesSpace,
    Field(discriminator="kind"),
]


class SearchSpaceDocument(Document):
    """Wrapper that lets a space be validated by itself."""

    space: SearchSpace
