"""The checks of `quarterturn doctor`: what was found, and what to do if that is no good."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import httpx
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core.access.binding import require_keys
from core.embedded.redis import find_server
from core.embedded.stack import running_url
from core.jobs.workers import workers_seen
from core.messages import queue_length
from core.settings import Settings
from core.storage import storage_of
from core.store.database import engine_for
from core.store.schema import check
from quarterturn.errors import QuarterturnError

_LITTLE_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Finding:
    """`ok`, `note` (works, but look at it) or `problem`."""

    level: Literal["ok", "note", "problem"]
    text: str


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield Finding(
            "problem",
            f"The data folder {folder} cannot be written ({error.strerror}). Give this user the "
            "right to, or set QUARTERTURN_DATA_DIR.",
        )
        return
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_BYTES:
        yield Finding(
            "note",
            f"The data folder {folder} has {free / 2**30:.1f} GiB left. Delete datasets, or set "
            "QUARTERTURN_DATA_DIR.",
        )
    else:
        yield Finding("ok", f"Data folder {folder}, {free / 2**30:.0f} GiB free.")


def _database(settings: Settings) -> Iterator[Finding]:
    assert settings.database_url is not None
    engine = engine_for(settings.database_url)
    try:
        check(engine)
        yield Finding("ok", "PostgreSQL answers and has the schema of this release.")
        with Session(engine) as session:
            workers = workers_seen(session)
        if workers:
            names = ", ".join(f"{worker.name} ({worker.device})" for worker in workers)
            yield Finding("ok", f"Workers seen within half a minute: {names}.")
        else:
            yield Finding(
                "problem", "No worker was seen within half a minute. Start `quarterturn worker`."
            )
        require_keys(settings.host, engine)
    except QuarterturnError as error:
        yield Finding("problem", error.message)
    except SQLAlchemyError:
        address = engine.url.render_as_string(hide_password=True)
        yield Finding(
            "problem",
            f"PostgreSQL does not answer at {address}. Start it, or correct "
            "QUARTERTURN_DATABASE_URL.",
        )


def _broker(settings: Settings) -> Iterator[Finding]:
    try:
        yield Finding("ok", f"Redis answers; {queue_length(settings)} messages wait.")
    except (RedisError, ValueError):
        yield Finding(
            "problem",
            "Redis does not answer. Start it, or correct QUARTERTURN_BROKER_URL. Jobs are accepted "
            "meanwhile, and run when it is back.",
        )


def _storage(settings: Settings) -> Iterator[Finding]:
    """Whether a file can be put, read and removed where all machines look for it."""
    key = f"doctor/{uuid.uuid4().hex}"
    try:
        storage = storage_of(settings)
        partial = storage.partial(key)
        partial.write_bytes(b"doctor")
        storage.put(key, partial)
        try:
            with storage.held(key) as path:
                path.read_bytes()
        finally:
            storage.remove(key)
    except QuarterturnError as error:
        yield Finding("problem", error.message)
    else:
        place = str(settings.storage_url).rsplit("@", 1)[-1]  # without a password
        yield Finding("ok", f"Files can be stored and read at {place}.")


def _embedded(settings: Settings) -> Iterator[Finding]:
    """Of what `quarterturn serve` starts by itself."""
    if settings.broker_url is None:
        try:
            yield Finding("ok", f"Embedded Redis: {find_server()}.")
        except QuarterturnError as error:
            yield Finding("problem", error.message)
    url = running_url(settings.data_dir.expanduser())
    if url is None:
        yield Finding("note", "`quarterturn serve` is not running on this data folder.")
        return
    try:
        ready = httpx.get(f"{url}/readyz?workers=true", timeout=10, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        yield Finding(
            "problem",
            f"The service at {url} does not answer. See {settings.data_dir.expanduser() / 'logs'}.",
        )
        return
    for part in ("database", "broker", "workers"):
        fine = ready[part] == "ok"
        yield Finding(
            "ok" if fine else "problem",
            f"The {part} of {url}: {'fine' if fine else ready[part]}.",
        )


def _hardware(settings: Settings) -> Iterator[Finding]:
    import torch

    from quarterturn.augment import has_kernels
    from quarterturn.pretrain.hardware import choose_device

    cuda = torch.cuda.is_available()
    if settings.device.startswith("cuda") and not cuda:
        yield Finding(
            "problem",
            f"QUARTERTURN_DEVICE is {settings.device}, and torch {torch.__version__} sees no GPU. "
            "Install a driver and a build of torch for it, or set it to auto.",
        )
    elif cuda:
        yield Finding("ok", f"torch {torch.__version__} on {torch.cuda.get_device_name()}.")
        device = choose_device(settings.device)
        if device.type == "cuda" and not has_kernels(device):
            yield Finding(
                "note",
                "Augmentation kernels cannot be used on this GPU, so policies take many times as "
                "long. The log says why. Mostly a C compiler is missing: install gcc.",
            )
    else:
        yield Finding("note", f"torch {torch.__version__} without a GPU: searches run on the CPU.")
    cores = os.cpu_count() or 1
    if settings.worker_threads * settings.workers > cores:
        yield Finding(
            "problem",
            f"{settings.workers} workers with {settings.worker_threads} threads each share {cores} "
            "cores and wait for one another. Set QUARTERTURN_WORKER_THREADS to 0.",
        )


def diagnose(settings: Settings) -> Iterator[Finding]:
    """All findings, as they are made; some take seconds."""
    yield from _folder(settings)
    if settings.database_url is not None:
        yield from _database(settings)
    if settings.broker_url is not None:
        yield from _broker(settings)
    if settings.storage_url:
        yield from _storage(settings)
    if settings.database_url is None or settings.broker_url is None:
        yield from _embedded(settings)
    yield from _hardware(settings)
