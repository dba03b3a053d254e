"""The tables. Postgres is the truth; the broker carries nothing that is not here."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.store.owned import Owned

#: The index by which of equal trials one runs.
ONE_RUNS = "uq_trials_fingerprint_running"

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id(prefix: str) -> str:
    """An id that sorts by the time of its making: `job_` and 20 hex digits."""
    return f"{prefix}_{time.time_ns() // 1_000_000:011x}{secrets.token_hex(5)[:9]}"


class Base(DeclarativeBase):
    """Base of the tables."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - the name and form that SQLAlchemy reads
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(none_as_null=True),
        list[Any]: JSONB(none_as_null=True),
    }


class Dataset(Owned, Base):
    """A dataset that was ingested; its images lie in the cache under `digest`."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), index=True)
    resolution: Mapped[int] = mapped_column(Integer)
    files: Mapped[int] = mapped_column(Integer)
    images: Mapped[int] = mapped_column(Integer)
    splits: Mapped[dict[str, Any]]
    mean: Mapped[list[Any]]
    std: Mapped[list[Any]]
    skipped_reasons: Mapped[dict[str, Any]]
    skipped: Mapped[list[Any]]
    pictures: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    notes: Mapped[list[Any]] = mapped_column(server_default="[]")
    grey: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Checkpoint(Owned, Base):
    """Weights to start from; the file lies under `digest`, which its numbers alone decide."""

    __tablename__ = "checkpoints"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), index=True)
    encoder: Mapped[str] = mapped_column(String(32))
    tensors: Mapped[int] = mapped_column(Integer)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[dict[str, Any]]
    reports: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Job(Owned, Base):
    """A search."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_owner_name", "owner", "name"),
        Index("ix_jobs_owner_state_id", "owner", "state", "id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    reason: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    spec: Mapped[dict[str, Any]]
    warnings: Mapped[list[Any]]
    ranking: Mapped[list[Any] | None]
    policy: Mapped[dict[str, Any] | None]
    encoder: Mapped[dict[str, Any] | None]
    request_id: Mapped[str | None] = mapped_column(String(64))
    summary: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    paused_seconds: Mapped[float] = mapped_column(Float, server_default="0")
    finished_at: Mapped[datetime | None]
    notes: Mapped[str] = mapped_column(Text, server_default="")
    tags: Mapped[list[Any]] = mapped_column(server_default="[]")
    extends: Mapped[str | None] = mapped_column(String(32))
    revision: Mapped[int] = mapped_column(Integer, server_default="0")


class CandidateRow(Base):
    """A policy that a job tries."""

    __tablename__ = "candidates"
    __table_args__ = (UniqueConstraint("job_id", "key"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    key: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    origin: Mapped[str] = mapped_column(String(16))
    policy: Mapped[dict[str, Any]]
    number: Mapped[int | None] = mapped_column(Integer)
    parameters: Mapped[dict[str, Any] | None]


class Trial(Base):
    """One unit of work: a candidate, a seed, the iterations up to which it is pretrained, and the
    task (`quarterturn.search.history`). Density trials have a payload, and a result among their
    metrics.
    """

    __tablename__ = "trials"
    __table_args__ = (
        UniqueConstraint("job_id", "task", "candidate_key", "seed", "iterations"),
        Index("ix_trials_job_id_state_number", "job_id", "state", "number"),
        Index("ix_trials_job_id_number", "job_id", "number"),
        Index("ix_trials_state_lease_expires_at", "state", "lease_expires_at"),
        # Of equal trials one runs: see core.jobs.twins.
        Index(ONE_RUNS, "fingerprint", unique=True, postgresql_where=text("state = 'running'")),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    candidate_key: Mapped[str] = mapped_column(String(16))
    seed: Mapped[int] = mapped_column(BigInteger)
    iterations: Mapped[int] = mapped_column(Integer)
    resume_from: Mapped[int] = mapped_column(Integer, default=0)
    schedule_iterations: Mapped[int] = mapped_column(Integer)
    task: Mapped[str] = mapped_column(String(64), default="search")
    payload: Mapped[dict[str, Any] | None]
    state: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_expires_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(200))
    dispatched_at: Mapped[datetime | None]
    progress: Mapped[int] = mapped_column(Integer, default=0)
    score: Mapped[float | None] = mapped_column(Float)
    held_out: Mapped[float | None] = mapped_column(Float)
    sampling_error: Mapped[float | None] = mapped_column(Float)
    collapsed: Mapped[bool | None]
    metrics: Mapped[dict[str, Any] | None]
    curve: Mapped[list[Any] | None]
    provenance: Mapped[dict[str, Any] | None]
    fingerprint: Mapped[str | None] = mapped_column(String(64), index=True)
    iterations_run: Mapped[int | None] = mapped_column(Integer)
    seconds: Mapped[float | None] = mapped_column(Float)
    reason: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    log_tail: Mapped[str | None] = mapped_column(Text)
    lost: Mapped[list[Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class WorkerRow(Base):
    """A worker process, kept fresh by its heartbeat."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    device: Mapped[str] = mapped_column(String(100))
    queues: Mapped[list[Any]] = mapped_column(server_default="[]")
    device_memory: Mapped[int | None] = mapped_column(BigInteger)
    device_memory_used: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Total(Base):
    """A sum over all trials that have completed, of whatever job; see `core.jobs.totals`."""

    __tablename__ = "totals"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[float] = mapped_column(Float)


class Answer(Base):
    """What a request with an `Idempotency-Key` was answered, for its repetitions."""

    __tablename__ = "answers"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None] = mapped_column(Integer)
    location: Mapped[str | None] = mapped_column(String(200))
    body: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class ApiKey(Base):
    """A key, of which only the digest is kept. Rows are never deleted: see core.access.keys."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    owner: Mapped[str] = mapped_column(String(64), index=True)
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
