"""The policy document: versioned, library-neutral JSON.

A policy has one or two *views*; with one, both views of an image are drawn from it independently.
A view is a list of stages applied in order, each drawn anew for every image. A stage is an
operation, or one of three groups: `one_of` (draw one sub-policy), `sample` (draw n operations, as
RandAugment does) and `shuffle` (apply all, in random order, as colour jitter does).
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.pictures import Pictures
from quarterturn.validation import Document

SCHEMA_VERSION: Final = 1
#: Of policies that say how files become pictures: an older release, which would apply them to other
#: pictures, refuses them.
NEWEST_VERSION: Final = 2
MOST_BRANCHES: Final = 5000

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Fraction = Annotated[float, Field(gt=0.0, le=1.0)]
Channel = Annotated[int, Field(ge=0, le=255)]
Aspect = Annotated[float, Field(ge=0.1, le=10.0)]

#: Stages that are no operations.
_CROP: Final = "random_resized_crop"
_GROUPS = ("one_of", "sample", "shuffle")


def _refuse(name: str, allowed: list[str]) -> PydanticCustomError:
    return PydanticCustomError(
        "unknown_operation",
        "is '{name}'; it must be one of {listed}",
        {"name": name, "listed": ", ".join(allowed), "allowed": allowed},
    )


def _check_operation(name: str) -> str:
    if name not in OPERATIONS:
        # Groups hold none: there, the name of one is taken for that of an operation.
        raise _refuse(name, [*OPERATIONS, _CROP, *(() if name in _GROUPS else _GROUPS)])
    return name


def _check_leaf(name: str) -> str:
    if name not in OPERATIONS and name != _CROP:
        raise _refuse(name, [*OPERATIONS, _CROP])
    return name


def _list_operations(schema: dict[str, Any]) -> None:
    schema["enum"] = list(OPERATIONS)


def _list_leaves(schema: dict[str, Any]) -> None:
    schema["enum"] = [*OPERATIONS, _CROP]


#: Of those of the library, and of those that were registered.
OperationName = Annotated[
    str, AfterValidator(_check_operation), Field(json_schema_extra=_list_operations)
]
#: Also of a random resized crop.
LeafName = Annotated[str, AfterValidator(_check_leaf), Field(json_schema_extra=_list_leaves)]
Sign = Literal["random", "positive", "negative"]


class Operation(Document):
    """One operation, applied to each image with `probability`.

    `strength` is drawn uniformly from [low, high], in the unit of the operation; a number stands
    for [number, number]. Signed operations multiply it by `sign`.
    """

    op: OperationName
    probability: Probability = 1.0
    strength: tuple[float, float] | None = None
    sign: Sign | None = None
    fill: tuple[Channel, Channel, Channel] | None = None

    @field_validator(
        "strength", mode="before", json_schema_input_type=float | tuple[float, float] | None
    )
    @classmethod
    def _number_is_a_constant(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (value, value)
        # Strict validation, once it has passed through Python, wants a tuple to be a tuple.
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _fits_the_operation(self) -> Self:
        info = OPERATIONS[self.op]
        if not info.has_strength:
            if self.strength is not None:
                raise ValueError(f"{self.op} has no strength; remove that field")
        elif self.strength is None:
            raise ValueError(f"{self.op} needs a strength in [0, {info.limit:g}] ({info.unit})")
        else:
            low, high = self.strength
            if not 0.0 <= low <= high <= info.limit:
                raise ValueError(
                    f"strength of {self.op} must be [low, high] with "
                    f"0 <= low <= high <= {info.limit:g} ({info.unit})"
                )
        if self.sign is not None and not info.signed:
            raise ValueError(f"{self.op} has no sign; remove that field")
        return self

    @property
    def low(self) -> float:
        return self.strength[0] if self.strength else 0.0

    @property
    def high(self) -> float:
        return self.strength[1] if self.strength else 0.0

    @property
    def fill_color(self) -> tuple[int, int, int]:
        """What uncovered or covered pixels become, RGB in 0..255."""
        return self.fill or OPERATIONS[self.op].fill


class RandomResizedCrop(Document):
    """Crop a random area fraction (`scale`) and aspect `ratio`, resized to the whole image."""

    op: Literal["random_resized_crop"]
    probability: Probability = 1.0
    scale: tuple[Fraction, Fraction] = (0.2, 1.0)
    ratio: tuple[Aspect, Aspect] = (3 / 4, 4 / 3)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.scale[0] > self.scale[1] or self.ratio[0] > self.ratio[1]:
            raise ValueError("scale and ratio must be [low, high] with low <= high")
        return self


def _kind(stage: Any) -> str:
    op = stage.get("op") if isinstance(stage, dict) else getattr(stage, "op", None)
    return op if op == _CROP or op in _GROUPS else "operation"


def _kind_of_leaf(stage: Any) -> str:
    kind = _kind(stage)
    return kind if kind == _CROP else "operation"


_AnyOperation = Annotated[Operation, Tag("operation")]
_AnyCrop = Annotated[RandomResizedCrop, Tag(_CROP)]
Leaf = Annotated[_AnyOperation | _AnyCrop, Discriminator(_kind_of_leaf)]


class Branch(Document):
    """One sub-policy of a `one_of`, drawn with a probability proportional to `weight`."""

    weight: Annotated[float, Field(gt=0.0)] = 1.0
    stages: Annotated[list[Leaf], Field(max_length=16)]


class OneOf(Document):
    """Draw one branch per image and view, apply its stages in order."""

    op: Literal["one_of"]
    probability: Probability = 1.0
    branches: Annotated[list[Branch], Field(min_length=1, max_length=MOST_BRANCHES)]


class Sample(Document):
    """Draw `count` of the operations per image, uniformly, apply them in the order drawn."""

    op: Literal["sample"]
    probability: Probability = 1.0
    count: Annotated[int, Field(ge=1, le=16)]
    replace: bool = True
    of: Annotated[list[Leaf], Field(min_length=1, max_length=64)]

    @model_validator(mode="after")
    def _enough_to_draw(self) -> Self:
        if not self.replace and self.count > len(self.of):
            raise ValueError("count exceeds the number of operations drawn without replacement")
        return self


class Shuffle(Document):
    """Apply all operations, in an order drawn per image."""

    op: Literal["shuffle"]
    probability: Probability = 1.0
    of: Annotated[list[Leaf], Field(min_length=1, max_length=16)]


Stage = Annotated[
    _AnyOperation
    | _AnyCrop
    | Annotated[OneOf, Tag("one_of")]
    | Annotated[Sample, Tag("sample")]
    | Annotated[Shuffle, Tag("shuffle")],
    Discriminator(_kind),
]
View = Annotated[list[Stage], Field(max_length=64)]


def _effective(stage: Stage | Branch) -> dict[str, Any]:
    """A stage as a document in which defaults that depend on the operation are written out."""
    document = stage.model_dump(mode="json")
    if isinstance(stage, Operation):
        document["fill"] = stage.fill_color
        document["sign"] = (stage.sign or "random") if OPERATIONS[stage.op].signed else None
    elif isinstance(stage, OneOf):
        document["branches"] = [_effective(branch) for branch in stage.branches]
    elif isinstance(stage, Branch):
        document["stages"] = [_effective(leaf) for leaf in stage.stages]
    elif isinstance(stage, Sample | Shuffle):
        document["of"] = [_effective(leaf) for leaf in stage.of]
    return document


class Policy(Document):
    """An augmentation policy."""

    schema_version: Literal[1, 2] = SCHEMA_VERSION
    name: Annotated[str, Field(min_length=1, max_length=200)] = "unnamed"
    views: Annotated[list[View], Field(min_length=1, max_length=2)]
    input: Pictures | None = Field(
        default=None,
        description="How files become the pictures that it was chosen on; of version 2.",
    )
    selection: dict[str, Any] | None = Field(
        default=None,
        description="How it was chosen: score with error, rank, ties, warnings, provenance.",
    )

    @property
    def digest(self) -> str:
        """SHA-256 of what the policy does; name, input and selection do not count."""
        views = [[_effective(stage) for stage in view] for view in self.views]
        text = json.dumps(views, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def view(self, index: int) -> list[Stage]:
        """The stages of view 0 or 1."""
        return self.views[min(index, len(self.views) - 1)]

    def to_document(self) -> dict[str, Any]:
        """The policy as a JSON document, without what is at its default."""
        document = self.model_dump(mode="json", exclude_defaults=True)
        if not document.get("input"):
            document.pop("input", None)
        version = NEWEST_VERSION if "input" in document else SCHEMA_VERSION
        document.pop("schema_version", None)
        return {"schema_version": version, "name": self.name, **document}
