"""Fixtures: real images, a fresh database, and the whole stack, started once."""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck
from hypothesis import settings as examples
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from benchmarks.datasets.animal_mnist import write_archive
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.stack import Stack
from core.settings import Settings, get_settings
from core.storage import storage_of
from core.store.database import engine_for
from core.store.schema import migrate
from quarterturn.data import CacheInfo, DatasetCache, ingest, open_cache
from quarterturn.data.caps import Caps
from quarterturn.data.sources import archive_members

# Settings of whoever runs the tests: they are about the defaults, or set their own.
for _name in [name for name in os.environ if name.startswith("QUARTERTURN_")]:
    del os.environ[_name]
# Before anything imports Triton: without a GPU, its kernels are interpreted.
os.environ.setdefault("TRITON_INTERPRET", "0" if torch.cuda.is_available() else "1")

# Of properties the same examples are tried by everybody, however fast the machine is;
# `pytest --hypothesis-profile=explore` looks for others.
_ANY_SPEED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
examples.register_profile("same", derandomize=True, **_ANY_SPEED)  # type: ignore[arg-type]
examples.register_profile("explore", **_ANY_SPEED)  # type: ignore[arg-type]
examples.load_profile("same")

#: Of torch, here and in workers. Two on a busy machine wait for one another.
THREADS = int(os.environ.get("TEST_THREADS", "1"))
#: Short enough that lost workers are found within a test.
FAST = {
    "QUARTERTURN_WORKER_THREADS": str(THREADS),
    # Or trials that a test wants to see run would be those of an earlier one.
    "QUARTERTURN_REUSE_RESULTS": "false",
    "QUARTERTURN_LEASE_SECONDS": "4",
    "QUARTERTURN_HEARTBEAT_SECONDS": "0.5",
    "QUARTERTURN_SWEEP_SECONDS": "1",
    "QUARTERTURN_STATE_SECONDS": "0.5",
    "QUARTERTURN_BODY_SECONDS": "1.5",
    "QUARTERTURN_AUDIT_SECONDS": "2",
    "QUARTERTURN_MAX_IMAGE_PIXELS": "4000000",
    "QUARTERTURN_MAX_UPLOAD_BYTES": "20000000",
    "QUARTERTURN_MAX_CHECKPOINT_BYTES": "30000000",
}
TINY_SEARCH = {
    "search_space": "rand-augment",
    "strategy": {"kind": "random", "candidates": 2},
    "iterations": 4,
    "seeds": 1,
    "pretraining": {"encoder": "resnet_tiny", "batch_size": 16},
    "scoring": {"criterion": "rotation", "probe_train_images": 64, "probe_test_images": 64},
}


@pytest.fixture(autouse=True)
def _threads() -> None:
    # The stack's worker computes beside this process; see quarterturn.pretrain.hardware. Before
    # each test, as what runs in this process may set them.
    torch.set_num_threads(THREADS)


@pytest.fixture(autouse=True)
def _same_chance() -> None:
    """What a test draws without a seed of its own does not depend on the tests before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of 600 real images."""
    return write_archive(tmp_path_factory.mktemp("images") / "animals.zip", 600)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a data folder of its own, for tests without a service."""
    return Settings(data_dir=tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="session")
def animal_info(animals: Path, library: Settings) -> CacheInfo:
    caps = Caps(library.ingest_limits)
    return ingest(archive_members(animals, caps), caps, storage_of(library))[0]


@pytest.fixture(scope="session")
def animal_folder(animal_info: CacheInfo, library: Settings) -> Path:
    """Where the images lie decoded."""
    return library.data_dir / "datasets" / animal_info.digest


@pytest.fixture(scope="session")
def animal_cache(animal_folder: Path) -> DatasetCache:
    """The images, decoded."""
    return open_cache(animal_folder)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """PostgreSQL, Redis, a worker and the API."""
    folder = tmp_path_factory.mktemp("server-images")
    before = dict(os.environ)
    roots = f'["{folder}"]'
    os.environ.update(FAST, QUARTERTURN_DATASET_ROOTS=roots, QUARTERTURN_CHECKPOINT_ROOTS=roots)
    # Not below pytest's folder: that is private to root, and PostgreSQL does not run as root.
    with (
        tempfile.TemporaryDirectory(prefix="quarterturn-test-") as data,
        Stack(Settings(data_dir=Path(data), port=0)) as running,
    ):
        os.environ.clear()
        os.environ.update(before)
        yield running


@pytest.fixture(scope="session")
def server_folder(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder under which the server may read by path."""
    return Path(tmp_path_factory.getbasetemp() / "server-images0")


@pytest.fixture(scope="session")
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def animal_dataset(http: httpx.Client, animals: Path) -> str:
    """The id of the images on the server."""
    with animals.open("rb") as stream:
        answer = http.post("/v1/datasets", files={"file": ("animals.zip", stream)})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server without our tables."""
    with (
        tempfile.TemporaryDirectory(prefix="quarterturn-test-") as folder,
        EmbeddedPostgres(Path(folder, "data")) as server,
    ):
        yield server.url


@pytest.fixture
def database(
    postgres: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A fresh, migrated database that this process is configured to use."""
    name = f"test_{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:32]}"
    admin = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(postgres).set(database=name).render_as_string(hide_password=False)
    monkeypatch.setenv("QUARTERTURN_DATABASE_URL", url)
    monkeypatch.setenv("QUARTERTURN_BROKER_URL", "redis+socket:///nowhere/redis.sock")
    monkeypatch.setenv("QUARTERTURN_DATA_DIR", str(tmp_path))
    get_settings.cache_clear()
    migrate(engine_for(url))
    yield get_settings()
    engine_for(url).dispose()
    get_settings.cache_clear()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()
