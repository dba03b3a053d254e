"""What a search is asked to do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from core.errors import InvalidInputError
from core.policies.schema import Policy
from core.pretraining.spec import PretrainingSpec, ScoringSpec
from core.spaces.presets import parse_space
from core.spaces.schema import SearchSpace
from core.validation import Document, parse


class ListStrategy(Document):
    """Try the given policies."""

    kind: Literal["list"]
    candidates: Annotated[list[Policy], Field(min_length=1, max_length=1000)]


class RandomStrategy(Document):
    """Try policies drawn at random from the space."""

    kind: Literal["random"]
    candidates: Annotated[int, Field(ge=1, le=5000)] = 12


class GridStrategy(Document):
    """Try every policy of the space, its ranges cut into `points` values."""

    kind: Literal["grid"]
    points: Annotated[int, Field(ge=1, le=20)] = 3


class SuccessiveHalvingStrategy(Document):
    """Start with many, continue the best 1/eta on each rung (Jamieson & Talwalkar 2016).

    Rungs are `iterations` / eta^k long; a candidate continues from its checkpoint. The baselines
    climb every rung, so that the last ranking compares like with like.
    """

    kind: Literal["successive_halving"]
    candidates: Annotated[int, Field(ge=1, le=5000)] = 12
    rungs: Annotated[int, Field(ge=1, le=8)] = 2
    eta: Annotated[int, Field(ge=2, le=10)] = 3


Strategy = Annotated[
    ListStrategy | RandomStrategy | GridStrategy | SuccessiveHalvingStrategy,
    Field(discriminator="kind"),
]


class Budget(Document):
    """Limits, each optional; what was reached when one is met is ranked and selected from."""

    trials: Annotated[int, Field(ge=1)] | None = None
    iterations: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Pretraining iterations, summed over all trials."
    )
    seconds: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Wall-clock seconds from the start of the first trial."
    )


class SearchSpec(Document):
    """A search with all defaults filled in; a job stores it and strategies plan from it."""

    search_space: SearchSpace
    strategy: Strategy = SuccessiveHalvingStrategy(kind="successive_halving")
    budget: Budget = Budget()
    iterations: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=300, description="Length of the longest pretraining, in steps of the optimiser."
    )
    seeds: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3, description="Repetitions of each candidate at full length."
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        default=0, description="Of everything random; the same seed gives the same search."
    )
    pretraining: PretrainingSpec = PretrainingSpec()
    scoring: ScoringSpec = ScoringSpec()

    @field_validator("strategy", mode="before")
    @classmethod
    def _name_stands_for_strategy(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value


def parse_search(document: dict[str, Any]) -> SearchSpec:
    """Validate the search part of a request; the space may be the name of a preset.

    Raises:
        InvalidInputError: `invalid_job` or `invalid_search_space`, naming the JSON path.
    """
    document = {"search_space": "photometric", **document}
    try:
        space = parse_space(document["search_space"])
    except InvalidInputError as error:
        for field in error.fields:
            field["path"] = field["path"].replace("$", "$.search_space", 1)
        error.message = error.message.replace(" $", " $.search_space", 1)
        raise
    # Validated once above; what follows names paths below $.search_space by itself.
    plain = {**document, "search_space": space.model_dump(mode="json")}
    return parse(SearchSpec, plain, code="invalid_job", what="job")
