"""Bodies of responses. Those of requests are the documents of `core`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

ItemT = TypeVar("ItemT")


class Body(BaseModel):
    """Made from a row."""

    model_config = ConfigDict(from_attributes=True)


class Page(Body, Generic[ItemT]):
    """A page of a listing; `next` is the cursor of the following page, null on the last."""

    items: list[ItemT]
    next: str | None = None


class DatasetSummary(Body):
    """A dataset."""

    id: str = Field(examples=["ds_0198a1b2c3d4e5f60718"])
    name: str = Field(examples=["animals"])
    state: str = Field(examples=["ready"])
    digest: str = Field(description="Of the images and the resolution, not of the archive.")
    resolution: int = Field(description="Working resolution in pixels.", examples=[28])
    files: int = Field(examples=[10_000])
    images: int = Field(description="Distinct usable images.", examples=[9716])
    splits: dict[str, int] = Field(
        examples=[{"pretrain": 6756, "probe_train": 1372, "probe_test": 889, "report": 699}]
    )
    mean: list[float]
    std: list[float]
    skipped_reasons: dict[str, int] = Field(examples=[{"duplicate": 284}])
    pictures: dict[str, Any] = Field(
        description="How files became pictures, as policies carry it: intensity, bands, fit.",
        examples=[{"intensity": {"low": 0, "high": 4095, "source": "bits"}}],
    )
    notes: list[dict[str, Any]] = Field(
        description="What was decided for all files, and warnings about them.",
        examples=[[{"code": "crop", "message": "...", "count": 9716, "warning": False}]],
    )
    grey: bool = Field(description="Whether no image has colors.")
    created_at: datetime


class DatasetDetail(DatasetSummary):
    """A dataset with the report of skipped files."""

    skipped: list[dict[str, str]] = Field(
        description="Each skipped file with its reason; the first 10,000.",
        examples=[[{"name": "a/b.png", "reason": "duplicate", "message": "same picture as c.png"}]],
    )


class CheckpointSummary(Body):
    """Weights to start from."""

    id: str = Field(examples=["ckpt_0198a1b2c3d4e5f60718"])
    name: str = Field(examples=["moco_v2_800ep"])
    state: str = Field(examples=["ready"])
    digest: str = Field(description="Of the encoder's numbers, not of the file.")
    encoder: str = Field(description="The encoder that it fits.", examples=["resnet18"])
    tensors: int
    size_bytes: int
    source: dict[str, Any] = Field(examples=[{"kind": "upload"}])
    created_at: datetime


class CheckpointDetail(CheckpointSummary):
    """A checkpoint with how it fits each encoder."""

    reports: list[dict[str, Any]] = Field(
        description="Per encoder: matched, missing, misfits, resized and unused tensors."
    )


class JobSummary(Body):
    """A search."""

    id: str = Field(examples=["job_0198a1b2c3d4e5f60718"])
    name: str
    notes: str
    tags: list[str] = Field(examples=[["retina"]])
    dataset_id: str
    extends: str | None = Field(description="The job whose results it began with.")
    state: str = Field(examples=["running"])
    reason: str | None
    message: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobDetail(JobSummary):
    """A search with its specification, all defaults filled in."""

    spec: dict[str, Any]
    warnings: list[dict[str, Any]]
    encoder: dict[str, Any] | None = Field(
        default=None, description="The final encoder, once it is pretrained."
    )
    waiting_for: str | None = Field(
        default=None, description="The kind of worker that it waits for, if none is there."
    )
    links: dict[str, str] = {}


class TrialSummary(Body):
    """A trial: one candidate, one seed, one length of pretraining."""

    id: str
    job_id: str
    number: int
    candidate_key: str
    seed: int
    iterations: int
    task: str = Field(
        description="base, search, confirmation, fold/..., density/..., source/..., warm_up, final",
        examples=["search"],
    )
    state: str = Field(examples=["completed"])
    attempt: int
    progress: int = Field(description="Iterations done.")
    score: float | None = Field(
        description="Of the job's criterion, larger being better; rotation accuracy is in [0, 1].",
        examples=[0.83],
    )
    held_out: float | None = Field(
        description="The same on images that selection never sees.", examples=[0.82]
    )
    sampling_error: float | None
    collapsed: bool | None
    reason: str | None
    message: str | None
    worker: str | None
    seconds: float | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None


class TrialDetail(TrialSummary):
    """A trial with its criteria, its learning curve and its policy."""

    metrics: dict[str, Any] | None
    log_tail: str | None = Field(description="The last lines that its worker logged, if it failed.")
    curve: list[Any] | None = Field(description="[iteration, mean loss] pairs.")
    provenance: dict[str, Any] | None = Field(
        description="What it started from, with the digest; of a stage also that of its weights."
    )
    policy: dict[str, Any] | None = None
