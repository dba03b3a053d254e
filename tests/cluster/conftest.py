"""A service whose API and worker share nothing but database, broker and S3."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from core.embedded.redis import EmbeddedRedis
from core.store.database import engine_for
from core.store.schema import migrate
from tests.cluster.nodes import Nodes
from tests.cluster.s3 import S3Server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="package")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server; this process can reach it too."""
    server = S3Server("127.0.0.1", free_port())
    before = dict(os.environ)
    os.environ.update(server.environment)
    with server.running(tmp_path_factory.mktemp("s3") / "moto.log"):
        yield server
    os.environ.clear()
    os.environ.update(before)


@contextmanager
def own_database(postgres: str, name: str) -> Iterator[str]:
    """A migrated database."""
    admin = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(postgres).set(database=name).render_as_string(hide_password=False)
    migrate(engine_for(url))
    yield url
    engine_for(url).dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@dataclass(frozen=True)
class Cluster:
    """The nodes `api` and `worker`."""

    nodes: Nodes
    http: httpx.Client
    s3: S3Server
    database: str
    broker: str


@pytest.fixture(scope="module")
def cluster(s3: S3Server, postgres: str) -> Iterator[Cluster]:
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="quarterturn-test-") as folder,
        own_database(postgres, "cluster") as database,
        EmbeddedRedis(Path(folder, "redis"), Path(folder, "redis.log")) as redis,
        Nodes(
            Path(folder),
            {
                **s3.environment,
                "QUARTERTURN_DATABASE_URL": database,
                "QUARTERTURN_BROKER_URL": redis.url,
                "QUARTERTURN_STORAGE_URL": s3.url,
                "QUARTERTURN_PORT": str(port),
            },
        ) as nodes,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http,
    ):
        nodes.start("api", "api")
        nodes.start("worker", "worker")
        nodes.until_ready(http)
        yield Cluster(nodes, http, s3, database, redis.url)
