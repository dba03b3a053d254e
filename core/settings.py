"""Every setting, typed, in one place; docs/settings.md is held against this file by a test."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from quarterturn.data.caps import IngestLimits

_LIMITS = IngestLimits()


class Settings(BaseSettings):
    """Read from the environment: the field `data_dir` from `QUARTERTURN_DATA_DIR`, and so on."""

    # Defaults are what they should be, and to check those of the rate limits is slow.
    model_config = SettingsConfigDict(
        env_prefix="QUARTERTURN_", extra="ignore", frozen=True, validate_default=False
    )

    data_dir: Path = Field(
        Path.home() / ".quarterturn",
        description="Folder of datasets, checkpoints and the embedded databases.",
    )
    storage_url: str | None = Field(
        None,
        description="Where datasets, checkpoints and encoders lie: `s3://bucket/prefix` or another "
        "address of fsspec, `file:///folder`; unset: the data folder.",
    )
    cache_bytes: int = Field(
        64 * 2**30,
        gt=0,
        description="Most bytes of a machine's copies of what lies in a storage elsewhere.",
    )
    database_url: str | None = Field(
        None,
        description="PostgreSQL, `postgresql+psycopg://user:password@host/name`; unset: embedded.",
    )
    broker_url: str | None = Field(
        None, description="Redis, `redis://:password@host:6379/0`; unset: embedded."
    )
    host: str = Field("127.0.0.1", description="Address the API binds to.")
    cors_origins: list[str] = Field(
        [],
        description="Origins whose pages may call the API with a key, as JSON, "
        '`["https://lab.example"]`; empty: none.',
    )
    port: int = Field(8000, ge=0, le=65535, description="Port of the API; 0 takes a free one.")
    dataset_roots: list[Path] = Field(
        default_factory=list,
        description="Folders under which `POST /v1/datasets` may read by path (a JSON list).",
    )
    api_key: str | None = Field(
        None, description="Key that the command line and the client send to a server."
    )
    rate_limit_per_key: str = Field(
        "1200/minute", description="Requests of one key; empty: no limit."
    )
    rate_limit_writes_per_key: str = Field(
        "120/minute", description="Of these, requests that change something; empty: no limit."
    )
    rate_limit_per_address: str = Field(
        "2400/minute", description="Requests from one address; empty: no limit."
    )
    quota_storage_bytes: int = Field(
        0,
        ge=0,
        description="Most bytes that one owner stores, of images, checkpoints, encoders and "
        "jobs; 0: no limit.",
    )
    quota_jobs: int = Field(0, ge=0, description="Most unfinished jobs of one owner; 0: no limit.")
    quota_trial_seconds: int = Field(
        0, ge=0, description="Most seconds of trials of one owner within 24 hours; 0: no limit."
    )
    checkpoint_roots: list[Path] = Field(
        default_factory=list,
        description="Folders under which `POST /v1/checkpoints` may read by path (a JSON list).",
    )
    max_checkpoint_bytes: int = Field(2 * 2**30, description="Largest checkpoint, in bytes.")
    download_weights: bool = Field(
        False,
        description="Whether published weights of torchvision and timm may be downloaded; "
        "else only those already cached are used.",
    )
    max_upload_bytes: int = Field(
        8 * 2**30, description="Largest upload, in bytes; other bodies are limited to 2 MiB."
    )
    max_archive_bytes: int = Field(
        _LIMITS.max_archive_bytes, description="Largest unpacked archive, in bytes."
    )
    max_member_bytes: int = Field(
        _LIMITS.max_member_bytes, description="Largest file in an archive, in bytes."
    )
    max_members: int = Field(_LIMITS.max_members, description="Most files in an archive.")
    max_archive_ratio: int = Field(
        _LIMITS.max_archive_ratio,
        ge=1,
        description="Most unpacked bytes per byte of an archive, one largest file aside.",
    )
    decode_memory_bytes: int = Field(
        _LIMITS.decode_memory_bytes,
        description="Memory of a process that decodes uploads, on Linux.",
    )
    decode_seconds: float = Field(
        _LIMITS.decode_seconds, gt=0, description="CPU seconds to decode one image."
    )
    max_cpu_seconds: float = Field(
        _LIMITS.max_cpu_seconds, gt=0, description="CPU seconds to decode all images of an upload."
    )
    max_image_pixels: int = Field(_LIMITS.max_image_pixels, description="Largest image, in pixels.")
    min_image_side: int = Field(
        _LIMITS.min_image_side, description="Shortest side of a usable image, in pixels."
    )
    min_images: int = Field(_LIMITS.min_images, description="Fewest usable images of a dataset.")
    decode_processes: int = Field(
        _LIMITS.decode_processes,
        ge=0,
        description="Processes that decode uploads; 0: one per core.",
    )
    max_candidates: int = Field(
        5_010, description="Most candidates of one job, the baselines included."
    )
    max_search_size: int = Field(
        1_000_000,
        gt=0,
        description="Most candidates x operations x rungs x generations of one job.",
    )
    planning_seconds: float = Field(
        20.0, gt=0, description="Time to read, check and plan what one request asks for."
    )
    planning_memory_bytes: int = Field(
        2 * 2**30, gt=0, description="Memory of a process that does so, on Linux."
    )
    max_connections: int = Field(
        1000, ge=1, description="Most connections that a process of the API keeps open."
    )
    head_seconds: float = Field(
        10.0, gt=0, description="Time for the head of a request, also on a connection just made."
    )
    body_seconds: float = Field(
        30.0, gt=0, description="Time for the body of a request, beside that of the next setting."
    )
    body_bytes_per_second: int = Field(
        16 * 2**10, gt=0, description="Slowest pace at which a large body may come in."
    )
    device: str = Field(
        "auto", description="Torch device of a worker: `auto`, `cpu`, `cuda`, `cuda:1`."
    )
    asked_only: bool = Field(
        False, description="Whether a worker leaves jobs that ask for no kind of worker to others."
    )
    worker_threads: int = Field(
        0, ge=0, description="Torch threads of a worker; 0: the cores divided by the workers."
    )
    pack: int | Literal["auto"] = Field(
        "auto",
        description="Most trials that a worker trains at once; `auto`: what is best on a GPU by "
        "measurement, 1 on a CPU.",
    )
    cuda_graphs: Literal["off", "auto", "on"] = Field(
        "auto",
        description="Whether a GPU replays recorded steps, of training and of the probe; `auto`: "
        "those of training where they are faster and come out the same, by measurement.",
    )
    workers: int = Field(1, ge=1, description="Workers that `quarterturn serve` starts.")
    lease_seconds: float = Field(
        20.0, gt=0, description="A trial whose worker is silent for so long is retried."
    )
    heartbeat_seconds: float = Field(
        2.0, gt=0, description="Interval at which a worker renews its lease and sees a cancel."
    )
    sweep_seconds: float = Field(
        5.0, gt=0, description="Interval at which lost trials and messages are looked for."
    )
    state_seconds: float = Field(
        120.0,
        gt=0,
        description="Interval at which the state of a training is kept: what a lost worker costs.",
    )
    reuse_results: bool = Field(
        True, description="Whether a trial takes over the result of an equal one, and trains less."
    )
    audit_seconds: float = Field(
        30.0,
        gt=0,
        description="Interval at which the queues are compared with the database, and files that "
        "nobody needs are looked for.",
    )
    max_attempts: int = Field(3, ge=1, description="Attempts at a trial whose worker is lost.")
    keep_jobs_days: float = Field(
        0.0, ge=0, description="Days that ended jobs are kept, their trials with them; 0: for ever."
    )
    keep_encoders_days: float = Field(
        0.0, ge=0, description="Days after the end of a job that its encoder is kept; 0: for ever."
    )
    keep_datasets_days: float = Field(
        0.0, ge=0, description="Days that a dataset which no job uses is kept; 0: for ever."
    )
    keep_trial_checkpoints_days: float = Field(
        0.0,
        ge=0,
        description="Days after a job's end that its trials' checkpoints are kept.",
    )
    event_streams: int = Field(
        200, ge=1, description="Most event streams that a process of the API keeps open at a time."
    )
    event_streams_per_owner: int = Field(
        50, ge=1, description="Most of them that are of one owner."
    )
    log_level: str = Field("INFO", description="Level of the logs.")
    log_format: Literal["json", "text"] = Field(
        "json", description="Logs as one JSON object a line, or as text for people."
    )

    @field_validator("rate_limit_per_key", "rate_limit_writes_per_key", "rate_limit_per_address")
    @classmethod
    def _readable(cls, value: str) -> str:
        from limits import parse  # slow to import, and rarely needed

        if value:
            parse(value)
        return value

    @field_validator("pack")
    @classmethod
    def _at_least_one(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError("a pack has one trial at least; write auto or a whole number from 1")
        return value

    @property
    def ingest_limits(self) -> IngestLimits:
        """Those of uploads."""
        names = (field.name for field in fields(IngestLimits) if field.name != "prefix")
        return IngestLimits(**{name: getattr(self, name) for name in names}, prefix="QUARTERTURN_")

    @property
    def uploads_dir(self) -> Path:
        return self.data_dir / "uploads"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process."""
    return Settings()
