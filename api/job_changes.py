"""The body of PATCH /v1/jobs/{job_id}."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.jobs.changing import Changes
from core.jobs.extending import More
from quarterturn.validation import Document

Tag = Annotated[str, Field(min_length=1, max_length=64, examples=["retina"])]


class RaisedBudget(Document):
    """Limits to be raised; null takes one away."""

    trials: Annotated[int, Field(ge=1)] | None = None
    iterations: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None


class JobChanges(Document):
    """What is to be changed of a job; what is left out stays."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    notes: Annotated[str, Field(max_length=10_000)] | None = None
    tags: Annotated[list[Tag], Field(max_length=32)] | None = None
    budget: RaisedBudget | None = Field(default=None, description="Limits, none of them lower.")
    candidates: Annotated[int, Field(ge=0, le=5000)] | None = Field(
        default=None,
        description="Searched candidates in all, none fewer; rounded up to whole generations.",
    )

    def changes(self) -> Changes:
        """What `core` is asked for."""
        limits = self.budget.model_dump(exclude_unset=True) if self.budget else None
        asked = limits or self.candidates is not None
        return Changes(
            self.name, self.notes, self.tags, More(limits, self.candidates) if asked else None
        )
