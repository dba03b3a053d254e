"""The Python client of the service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import httpx

from quarterturn.client.calls.checkpoints import CheckpointCalls
from quarterturn.client.calls.datasets import DatasetCalls
from quarterturn.client.calls.encoders import EncoderCalls
from quarterturn.client.calls.jobs import JobCalls
from quarterturn.client.calls.keys import KeyCalls
from quarterturn.client.calls.pictures import PictureCalls
from quarterturn.client.calls.spaces import SpaceCalls
from quarterturn.client.calls.trials import TrialCalls
from quarterturn.client.connection import Connection, ServerError
from quarterturn.client.fields import SearchFields
from quarterturn.client.job import Job
from quarterturn.service import embedded_service

__all__ = ["Client", "ServerError"]


class Client(
    DatasetCalls,
    CheckpointCalls,
    JobCalls,
    TrialCalls,
    EncoderCalls,
    SpaceCalls,
    PictureCalls,
    KeyCalls,
):
    """Talks to a server, such as `Client("http://127.0.0.1:8000")`; a context manager.

    Args:
        key: an API key, if the server needs one; by default `QUARTERTURN_API_KEY`.
    """

    def __init__(
        self, url: str, key: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._connection = Connection(url, key or os.environ.get("QUARTERTURN_API_KEY"), transport)

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._connection.url

    @classmethod
    @contextmanager
    def embedded(cls, data_dir: str | Path | None = None) -> Iterator[Self]:
        """A client of a service of its own, which runs on this machine while the block does.

        Args:
            data_dir: where data stays between blocks; by default the folder of the settings.

        Raises:
            UnavailableError: `service_missing`, only the library is installed.
        """
        with embedded_service(data_dir) as (url, _), cls(url) as client:
            yield client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def search(
        self,
        images: str | Path,
        *,
        name: str | None = None,
        resolution: int | None = None,
        **search: Unpack[SearchFields],
    ) -> Job:
        """Upload a folder or an archive and start a search on it; `search` are the fields of
        `POST /v1/jobs`. The same images are uploaded once, whatever is asked of them.
        """
        dataset = self.upload(images, name=name, resolution=resolution)
        return Job(self, self.start(dataset["id"], **search)["id"], images=images)

    def job(self, job_id: str, *, images: str | Path | None = None) -> Job:
        """A job that was started before.

        Args:
            images: a folder or an archive of images, for contact sheets in notebooks.
        """
        return Job(self, job_id, images=images)

    def jobs(self, *, state: str | None = None, tag: str | None = None) -> list[Job]:
        """All jobs, newest first, or those in a state such as `running`, or with a tag."""
        return [Job(self, found["id"]) for found in self.job_documents(state=state, tag=tag)]
