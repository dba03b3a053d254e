"""The fields of a search, by name, so that a type checker knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict


class SearchFields(TypedDict, total=False):
    """A search; see docs/searches.md."""

    search_space: str | Mapping[str, Any]
    strategy: str | Mapping[str, Any]
    effort: str
    incumbent: str | Mapping[str, Any]
    exclude: Sequence[str]
    budget: Mapping[str, float | int]
    iterations: int
    seeds: int
    seed: int
    pretraining: Mapping[str, Any]
    scoring: Mapping[str, Any]
    worker: Mapping[str, Any]
    final_pretraining: Mapping[str, Any]


class JobFields(SearchFields, total=False):
    """What `POST /v1/jobs` takes besides the dataset."""

    name: str


class JobChanges(TypedDict, total=False):
    """What `PATCH /v1/jobs/{id}` takes; a limit of None is taken away."""

    name: str
    notes: str
    tags: Sequence[str]
    budget: Mapping[str, float | int | None]
    candidates: int
