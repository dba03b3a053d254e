"""What a search is asked to do."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from quarterturn.errors import InvalidInputError
from quarterturn.policy.excluding import operations_of
from quarterturn.policy.portfolio import find_recipe
from quarterturn.policy.schema import MOST_BRANCHES, Policy
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec
from quarterturn.search.effort import expand_effort
from quarterturn.search.strategy import (
    DensityMatchingStrategy,
    Iterations,
    ListStrategy,
    PipelineStrategy,
    Strategy,
)
from quarterturn.search.worker import WorkerAsk
from quarterturn.space.excluding import exclude_from_space
from quarterturn.space.presets import parse_space
from quarterturn.space.schema import (
    RecipeOperation,
    RecipesSpace,
    SearchSpace,
    SubPolicySpace,
)
from quarterturn.validation import Document, parse

#: Strategies that search one kind of space only, with the preset that stands in for none given.
SPACE_OF = {
    "base_augmentation": ("single_operation", "single-operation"),
    "self_rand_augment": ("rand_augment", "rand-augment"),
    "density_matching": ("sub_policies", "selfaugment"),
    "recipes": ("recipes", "recipes"),
}
#: The space of other strategies, where none is given.
_PLAIN_SPACE = "photometric"


class Budget(Document):
    """Limits, each optional; what was reached when one is met is ranked and selected from."""

    trials: Annotated[int, Field(ge=1)] | None = None
    iterations: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Pretraining iterations, summed over all trials."
    )
    seconds: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Wall-clock seconds from the start of the first trial."
    )


class FinalPretraining(Document):
    """Pretraining with the selected policy on all images, whose encoder the job hands out."""

    iterations: Iterations


class SearchSpec(Document):
    """A search with all defaults filled in; a job stores it and strategies plan from it."""

    search_space: SearchSpace
    strategy: Strategy = PipelineStrategy(kind="pipeline")
    incumbent: Policy | None = Field(
        default=None,
        description="The policy that is used today, which others must beat; null: MoCo v2.",
    )
    exclude: Annotated[list[RecipeOperation], Field(max_length=64)] = Field(
        default=[],
        description="Operations that no candidate, baseline or selected policy may use.",
    )
    budget: Budget = Budget()
    iterations: Iterations = Field(
        default=300, description="Length of the longest pretraining, in steps of the optimiser."
    )
    seeds: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3,
        description="Repetitions of each candidate at full length; a pipeline has its own.",
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        default=0, description="Of everything random; the same seed gives the same search."
    )
    pretraining: PretrainingSpec = PretrainingSpec()
    scoring: ScoringSpec = ScoringSpec()
    worker: WorkerAsk = Field(
        default=WorkerAsk(), description="The worker that the trials need; by default any."
    )
    final_pretraining: FinalPretraining | None = Field(
        default=None, description="Not counted against the budget; null for none."
    )

    @model_validator(mode="after")
    def _space_fits_the_strategy(self) -> Self:
        kind = searching_kind(self.strategy.model_dump())
        needed = SPACE_OF.get(kind or "")
        if needed is not None and self.search_space.kind != needed[0]:
            raise ValueError(
                f"strategy {kind} searches a space of kind {needed[0]}, not "
                f"{self.search_space.kind}; leave search_space out, or use {needed[1]}"
            )
        density = search_stage(self).strategy
        if isinstance(density, DensityMatchingStrategy):
            assert isinstance(self.search_space, SubPolicySpace)
            merged = density.folds * density.top * self.search_space.sub_policies
            if self.pretraining.warm_up is not None:
                raise ValueError(
                    "density_matching holds folds out, which a shared_warmup would have seen; "
                    "start from a checkpoint or a chain, or use another strategy"
                )
            if density.search != "assembled" and merged > MOST_BRANCHES:
                raise ValueError(
                    f"folds x top x sub_policies is {merged}; a policy has at most "
                    f"{MOST_BRANCHES} sub-policies. Lower top"
                )
        staged = isinstance(self.strategy, PipelineStrategy) and self.strategy.base is not None
        if isinstance(self.search_space, RecipesSpace):
            if not staged:
                return self
            raise ValueError(
                "recipes have no base that a base stage could replace; leave the base stage out, "
                "or search a space on crop_flip such as rand-augment"
            )
        if staged and self.search_space.base == "none":
            raise ValueError(
                "the search space has base none, which a base stage cannot replace; "
                "leave the base stage out, or search a space on crop_flip such as rand-augment"
            )
        return self

    @model_validator(mode="after")
    def _nothing_excluded_is_given(self) -> Self:
        given = [self.incumbent] if self.incumbent is not None else []
        strategy = search_stage(self).strategy
        if isinstance(strategy, ListStrategy):
            given += strategy.candidates
        for policy in given:
            used = sorted(operations_of(policy) & set(self.exclude))
            if used:
                raise ValueError(
                    f"{policy.name} uses {', '.join(used)}, which is excluded; give it without, or "
                    "exclude less"
                )
        return self


def _named(strategy: Any) -> Any:
    """A name stands for the strategy of that kind. Done before validation: a validator that ran
    before the fields would have them see Python, in which a list is no tuple.
    """
    if isinstance(strategy, str):
        return {"kind": strategy}
    if isinstance(strategy, dict) and "search" in strategy and strategy.get("kind") == "pipeline":
        return {**strategy, "search": _named(strategy["search"])}
    return strategy


def searching_kind(strategy: Any) -> str | None:
    """The kind of the strategy, or of the search stage of a pipeline, in a raw document."""
    if isinstance(strategy, dict) and strategy.get("kind") == "pipeline":
        strategy = strategy.get("search")
    kind = strategy.get("kind") if isinstance(strategy, dict) else strategy
    return kind if isinstance(kind, str) else None


def search_stage(spec: SearchSpec) -> SearchSpec:
    """The spec of the search alone, without the stages that a pipeline puts around it."""
    if isinstance(spec.strategy, PipelineStrategy):
        seeds = spec.strategy.search_seeds
        return spec.model_copy(update={"strategy": spec.strategy.search, "seeds": seeds})
    return spec


def _fill_in(strategy: Any, space: SearchSpace) -> Any:
    """A pipeline with a search that fits the space, where none is given."""
    if isinstance(strategy, dict) and strategy.get("kind") == "pipeline":
        fitting = "recipes" if isinstance(space, RecipesSpace) else "successive_halving"
        return {"search": {"kind": fitting}, **strategy}
    return strategy


def parse_search(document: dict[str, Any]) -> SearchSpec:
    """Validate the search part of a request; the space may be the name of a preset.

    Raises:
        InvalidInputError: `invalid_job` or `invalid_search_space`, naming the JSON path.
    """
    document = expand_effort(document)
    kind = searching_kind(document.get("strategy")) or "recipes"
    document = {"search_space": SPACE_OF.get(kind, ("", _PLAIN_SPACE))[1], **document}
    try:
        space = parse_space(document["search_space"])
    except InvalidInputError as error:
        for field in error.fields:
            field["path"] = field["path"].replace("$", "$.search_space", 1)
        error.message = error.message.replace(" $", " $.search_space", 1)
        raise
    excluded = document.get("exclude")
    if isinstance(excluded, list):
        space = exclude_from_space(space, [name for name in excluded if isinstance(name, str)])
    # Validated once above; what follows names paths below $.search_space by itself.
    plain = {**document, "search_space": space.model_dump(mode="json")}
    if isinstance(plain.get("incumbent"), str):
        plain["incumbent"] = find_recipe(plain["incumbent"]).to_document()
    plain["strategy"] = _fill_in(_named(plain.get("strategy", "pipeline")), space)
    return parse(SearchSpec, plain, code="invalid_job", what="job")
