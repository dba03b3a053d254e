"""What a pretraining starts from, and what is pretrained before it; part of a job's specification.

Hierarchical pretraining (HPT, arXiv 2103.12718): base, then source, then target. The base is a
checkpoint, the sources are stages on other datasets, the target is the job's own dataset. Only the
encoder carries over.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from quarterturn.policy.recipes import BASELINES
from quarterturn.policy.schema import Policy
from quarterturn.validation import Document

MethodName = Literal["simclr", "moco_v2"]
PolicyName = Literal["none", "crop_flip", "moco_v2", "simclr", "rand_augment", "trivial_augment"]
StageIterations = Annotated[int, Field(ge=1, le=10_000_000)]


class _Pretrained(Document):
    """A pretraining with one policy, its cosine as long as itself."""

    iterations: StageIterations
    policy: PolicyName | Policy = Field(
        default="crop_flip", description="The name of a baseline, or a policy document."
    )

    @property
    def fixed_policy(self) -> Policy:
        """The policy itself."""
        return BASELINES[self.policy]() if isinstance(self.policy, str) else self.policy


class SharedWarmUp(_Pretrained):
    """Pretraining on the job's images that all candidates of a seed share."""


class SourceStage(_Pretrained):
    """Pretraining on another dataset; done once for a job."""

    dataset_id: Annotated[str, Field(min_length=1, max_length=64)]
    method: MethodName | None = Field(default=None, description="By default the job's.")


class WarmStart(Document):
    """A checkpoint, a shared warm-up, or the one and then the other."""

    checkpoint: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="The id of a checkpoint of the job's encoder."
    )
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="Filled in; where given, the checkpoint must have it."
    )
    shared_warmup: SharedWarmUp | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.checkpoint is None and self.shared_warmup is None:
            raise ValueError("needs checkpoint, shared_warmup or both; or write scratch")
        if self.checkpoint is None and self.digest is not None:
            raise ValueError("digest is that of a checkpoint; remove it")
        return self


Init = Literal["scratch"] | WarmStart
