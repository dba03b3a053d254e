"""The body of POST /v1/jobs as OpenAPI shows it; `quarterturn.search.spec` validates it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import Body, Request, Response
from fastapi.routing import APIRoute
from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from quarterturn.policy.schema import Policy
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec
from quarterturn.search.effort import Effort
from quarterturn.search.spec import Budget, FinalPretraining
from quarterturn.search.strategy import Strategy
from quarterturn.search.worker import WorkerAsk
from quarterturn.space.schema import RecipeOperation, SearchSpace
from quarterturn.validation import Document

#: Those that need no fields.
StrategyName = Literal[
    "recipes",
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
        Literal["recipes", "single-operation", "rand-augment", "selfaugment", "photometric"]
        | SearchSpace
    ) = "recipes"
    strategy: StrategyName | Strategy = "pipeline"
    effort: Effort = "default"
    incumbent: Policy | str | None = None
    exclude: list[RecipeOperation] = Field(default=[], max_length=64)
    budget: Budget = Budget()
    iterations: Annotated[int, Field(ge=1, le=10_000_000)] = 300
    seeds: Annotated[int, Field(ge=1, le=20)] = 3
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    pretraining: PretrainingSpec = PretrainingSpec()
    scoring: ScoringSpec = ScoringSpec()
    worker: WorkerAsk = WorkerAsk()
    final_pretraining: FinalPretraining | None = None


class _Unread(bytes):
    """A body that OpenAPI describes as a JobRequest.

    It is read by `core.planner`'s processes, and validation is left to `parse_search`, whose errors
    name the JSON path and the allowed values.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(JobRequest.__pydantic_core_schema__)


class _Search(_Unread):
    """The same without a dataset, and with any fields."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "object", "additionalProperties": True, "title": "Body"}


class _UnreadRequest(Request):
    """A request whose body is handed to its route as it came."""

    async def json(self) -> Any:
        return await self.body()


class SearchRoute(APIRoute):
    """A route with a body that is not read by this process."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_unread(request: Request) -> Response:
            return await handle(_UnreadRequest(request.scope, request.receive))

        return handle_unread


JobBody = Annotated[
    _Unread,
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
SearchBody = Annotated[
    _Search,
    Body(
        openapi_examples={
            "preset": {"value": {"search_space": "photometric", "iterations": 300}},
            "own": {
                "value": {
                    "search_space": {
                        "kind": "pipeline",
                        "operations": [
                            {"op": "random_resized_crop", "strength": {"values": [0.5, 0.8]}},
                            {"op": "rotate", "strength": {"min": 0, "max": 30}},
                        ],
                    }
                }
            },
        }
    ),
]
