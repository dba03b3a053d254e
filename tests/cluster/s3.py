"""A real S3 server: moto's, as a process of its own."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import httpx

from core.embedded.process import end, spawn
from tests.service.waiting import until

BUCKET = "images"


@dataclass(frozen=True)
class S3Server:
    """`environment` is what processes need to reach it, beside its address as a storage."""

    host: str
    port: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://{self.host}:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/quarterturn"

    def files(self) -> Any:
        """A client of its own, to look at what is there. Reads `environment`."""
        return fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)

    def objects(self) -> list[str]:
        """All objects below `url`, without its prefix."""
        prefix = self.url.removeprefix("s3://")
        return [path.removeprefix(prefix).lstrip("/") for path in self.files().find(prefix)]

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1):
                return True
        except OSError:
            return False

    @contextmanager
    def running(self, log: Path) -> Iterator[None]:
        """Run it, with a bucket."""
        command = [sys.executable, "-m", "moto.server", "-H", self.host, "-p", str(self.port)]
        process = spawn(command, log, {})
        try:
            until(self._answers, 60)
            httpx.put(f"http://{self.host}:{self.port}/{BUCKET}", trust_env=False)
            yield
        finally:
            end(process, 2.0)
