"""The body of POST /v1/jobs as OpenAPI shows it; `quarterturn.search.spec` validates it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body
from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec
from quarterturn.search.spec import Budget, FinalPretraining
from quarterturn.search.strategy import Strategy
from quarterturn.search.worker import WorkerAsk
from quarterturn.space.schema import SearchSpace
from quarterturn.validation import Document

#: Those that need no fields.
StrategyName = Literal[
    "random",
    "grid",
    "base_augmentation",
    "self_rand_augment",
    "successive_halving",
    "asha",
    "density_matching",
    "pipeline",
]


class JobRequest(Document):
    """A search; all but the dataset has defaults."""

    dataset_id: str
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    search_space: (
        Literal["single-operation", "rand-augment", "selfaugment", "photometric"] | SearchSpace
    ) = "photometric"
    strategy: StrategyName | Strategy = "pipeline"
    budget: Budget = Budget()
    iterations: Annotated[int, Field(ge=1, le=10_000_000)] = 300
    seeds: Annotated[int, Field(ge=1, le=20)] = 3
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    pretraining: PretrainingSpec = PretrainingSpec()
    scoring: ScoringSpec = ScoringSpec()
    worker: WorkerAsk = WorkerAsk()
    final_pretraining: FinalPretraining | None = None


class _AnyObject(dict[str, Any]):
    """A JSON object that OpenAPI describes as a JobRequest.

    Validation is left to `parse_search`, whose errors name the JSON path and the allowed values.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema())

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(JobRequest.__pydantic_core_schema__)


JobBody = Annotated[
    _AnyObject,
    Body(
        openapi_examples={
            "defaults": {"value": {"dataset_id": "ds_0198a1b2c3d4e5f60718"}},
            "quick": {
                "value": {
                    "dataset_id": "ds_0198a1b2c3d4e5f60718",
                    "search_space": "rand-augment",
                    "strategy": {"kind": "grid"},
                    "iterations": 100,
                    "seeds": 2,
                    "budget": {"seconds": 600},
                }
            },
        }
    ),
]
