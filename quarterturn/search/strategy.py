"""The strategies that a search may ask for, as documents."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from quarterturn.policy.schema import Policy
from quarterturn.search.objectives import Objective
from quarterturn.space.presets import PRESETS
from quarterturn.space.schema import SingleOperationSpace
from quarterturn.validation import Document

Proposals = Literal["random", "grid", "tpe", "evolution"]
Count = Annotated[int, Field(ge=1, le=5000)]
Iterations = Annotated[int, Field(ge=1, le=10_000_000)]


class ListStrategy(Document):
    """Try the given policies."""

    kind: Literal["list"]
    candidates: Annotated[list[Policy], Field(min_length=1, max_length=1000)]


class RandomStrategy(Document):
    """Try policies drawn at random from the space."""

    kind: Literal["random"]
    candidates: Count = 12


class GridStrategy(Document):
    """Try every policy of the space, its ranges cut into `points` values."""

    kind: Literal["grid"]
    points: Annotated[int, Field(ge=1, le=20)] = 3


class BaseAugmentationStrategy(Document):
    """Each operation alone, and random resized crop (SelfAugment, arXiv 2009.07724)."""

    kind: Literal["base_augmentation"]


class SelfRandAugmentStrategy(Document):
    """The grid of count N and strength M (SelfAugment, arXiv 2009.07724).

    M is a fraction of the largest searched strength, so more is stronger; `points` cuts a range.
    """

    kind: Literal["self_rand_augment"]
    points: Annotated[int, Field(ge=1, le=20)] = 5


class _Sampled(Document):
    """Candidates proposed by a sampler, stopped early on rungs of `iterations` / eta^k."""

    candidates: Count = 12
    rungs: Annotated[int, Field(ge=1, le=8)] = 2
    eta: Annotated[int, Field(ge=2, le=10)] = 3
    proposals: Proposals = Field(
        default="random",
        description="Where candidates come from: drawn at random, an even selection of the grid, "
        "or learnt from those before by TPE or by evolution.",
    )
    points: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3, description="Values that the grid cuts a range into."
    )
    schedule: Literal["continued", "per_rung"] = Field(
        default="continued",
        description="continued: a rung goes on where the one below ended, on one cosine. "
        "per_rung: each begins anew, with a cosine of its own length, as HPT counts budgets.",
    )


class SuccessiveHalvingStrategy(_Sampled):
    """Continue the best 1/eta on each rung (Jamieson & Talwalkar 2016).

    TPE and evolution propose in `generations`, each from the results of those before. The
    baselines climb every rung, so that the last ranking compares like with like.
    """

    kind: Literal["successive_halving"]
    generations: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="1 for random and grid, 4 for the others."
    )

    @model_validator(mode="after")
    def _generations_fit(self) -> Self:
        if self.proposals in ("random", "grid") and (self.generations or 1) > 1:
            raise ValueError("generations are for proposals by tpe or evolution; leave them out")
        if (self.generations or 1) > self.candidates:
            raise ValueError("generations must not exceed candidates")
        return self

    @property
    def generation_count(self) -> int:
        learns = self.proposals in ("tpe", "evolution")
        return self.generations or (min(4, self.candidates) if learns else 1)


class AshaStrategy(_Sampled):
    """Asynchronous successive halving (Li et al. 2020): nobody waits for a rung to fill.

    `concurrency` trials are kept queued or running; more workers than that idle. What is proposed
    and promoted depends on the order in which trials end.
    """

    kind: Literal["asha"]
    candidates: Count = 24
    rungs: Annotated[int, Field(ge=1, le=8)] = 3
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 4


class DensityMatchingStrategy(Document):
    """SelfAugment: score policies on the held-out folds of encoders pretrained with the space's
    base augmentation, without pretraining any; then pretrain what was found (arXiv 2009.07724).
    """

    kind: Literal["density_matching"]
    search: Literal["assembled", "tpe", "random"] = Field(
        default="assembled",
        description="Score sub-policies once and assemble the best, or propose whole policies.",
    )
    objectives: Annotated[list[Objective], Field(min_length=1, max_length=5)] = Field(
        default=["min_rotation", "minimax_weighted"],
        description="One policy is found for each, and all are pretrained.",
    )
    folds: Annotated[int, Field(ge=2, le=10)] = 5
    candidates: Annotated[int, Field(ge=1, le=2000)] = Field(
        default=200, description="Policies proposed per fold and objective (tpe, random)."
    )
    batch: Annotated[int, Field(ge=1, le=200)] = Field(
        default=20, description="Policies or sub-policies per trial."
    )
    top: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10, description="Best policies of each fold that are merged (tpe, random)."
    )
    points: Annotated[int, Field(ge=1, le=10)] = Field(
        default=3, description="Strengths per operation that are tabulated (assembled)."
    )
    beam: Annotated[int, Field(ge=1, le=50)] = Field(
        default=8, description="Best sub-policies that are extended by an operation (assembled)."
    )
    keep: Annotated[int, Field(ge=1, le=500)] = Field(
        default=25, description="Sub-policies of the assembled policy; twice as many are re-scored."
    )
    images: Annotated[int, Field(ge=8, le=100_000)] = Field(
        default=500, description="Held-out images per fold that losses are measured on."
    )
    passes: Annotated[int, Field(ge=1, le=20)] = Field(
        default=2, description="Independent augmented passes over them, averaged."
    )

    @field_validator("objectives")
    @classmethod
    def _distinct(cls, value: list[Objective]) -> list[Objective]:
        return list(dict.fromkeys(value))


class RecipesStrategy(Document):
    """Begin with the incumbent, the baselines and a portfolio of recipes; then change one operation
    at a time around the best, guided by what operations have been worth so far.
    """

    kind: Literal["recipes"]
    changes: Annotated[int, Field(ge=0, le=2000)] = Field(
        default=12, description="Changed recipes that are tried, over all generations."
    )
    generations: Annotated[int, Field(ge=1, le=100)] = Field(
        default=2, description="Each starts from the results of those before."
    )
    parents: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="Best recipes that are changed."
    )


SearchStrategy = Annotated[
    RecipesStrategy
    | ListStrategy
    | RandomStrategy
    | GridStrategy
    | BaseAugmentationStrategy
    | SelfRandAugmentStrategy
    | SuccessiveHalvingStrategy
    | AshaStrategy
    | DensityMatchingStrategy,
    Field(discriminator="kind"),
]


class BaseStage(Document):
    """The first stage: each operation alone; the winner replaces the base of the search space."""

    search_space: SingleOperationSpace = SingleOperationSpace.model_validate(
        PRESETS["single-operation"]
    )
    iterations: Iterations | None = Field(default=None, description="By default the job's.")
    seeds: Annotated[int, Field(ge=1, le=20)] = 1


class ConfirmationStage(Document):
    """The last stage: the best candidates again, beside the incumbent, with fresh seeds.

    Selection looks at the first half of the seeds. What is reported comes from the other half,
    on images that selection never sees, so it is not raised by having been selected.
    """

    top: Annotated[int, Field(ge=1, le=100)] = 3
    seeds: Annotated[int, Field(ge=2, le=20)] = 4
    iterations: Iterations | None = Field(default=None, description="By default the job's.")
    baselines: bool = Field(
        default=False,
        description="Whether all baselines are confirmed too, not only the incumbent.",
    )


class PipelineStrategy(Document):
    """Base augmentation (where asked for), search, confirmation: one after the other."""

    kind: Literal["pipeline"]
    base: BaseStage | None = Field(
        default=None, description="{} for the stage with its defaults, null for none."
    )
    search: SearchStrategy = RecipesStrategy(kind="recipes")
    search_seeds: Annotated[int, Field(ge=1, le=20)] = Field(
        default=1,
        description="Seeds of the search stage; the confirmation repeats what is worth it.",
    )
    confirmation: ConfirmationStage | None = ConfirmationStage()


Strategy = Annotated[
    RecipesStrategy
    | ListStrategy
    | RandomStrategy
    | GridStrategy
    | BaseAugmentationStrategy
    | SelfRandAugmentStrategy
    | SuccessiveHalvingStrategy
    | AshaStrategy
    | DensityMatchingStrategy
    | PipelineStrategy,
    Field(discriminator="kind"),
]
