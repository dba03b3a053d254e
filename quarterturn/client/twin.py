"""The client for programs on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from quarterturn.client.client import Client
from quarterturn.client.waiting import Patience
from quarterturn.errors import UnavailableError

P = ParamSpec("P")
R = TypeVar("R")


class _Call(Generic[P, R]):
    """A call of the client, made in a thread: the same arguments, the same errors."""

    def __init__(self, call: Callable[Concatenate[Client, P], R]) -> None:
        self._call = call
        self.__doc__ = call.__doc__

    def __get__(self, twin: AsyncClient, _: type[AsyncClient]) -> Callable[P, Awaitable[R]]:
        async def called(*args: P.args, **kwargs: P.kwargs) -> R:
            return await asyncio.to_thread(self._call, twin.client, *args, **kwargs)

        return called


class AsyncClient:
    """`Client` with every call awaited; an async context manager. `client` is the one underneath.

    Args:
        url, key: as for `Client`; `options` are its others.
    """

    def __init__(self, url: str, key: str | None = None, **options: Any) -> None:
        self.client = Client(url, key, **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()

    async def wait(
        self,
        job_id: str,
        *,
        watch: Callable[[dict[str, Any]], None] = lambda _: None,
        period: float = 1.0,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """As `Client.wait`; cancelling the task ends the waiting, not the job."""
        patience = Patience(job_id, timeout)
        while True:
            try:
                state = await self.dashboard(job_id)
            except UnavailableError as error:
                patience.miss(error)
            else:
                watch(state)
                if patience.hear(state):
                    return state
            await asyncio.sleep(patience.pause(period))

    upload = _Call(Client.upload)
    datasets = _Call(Client.datasets)
    dataset = _Call(Client.dataset)
    delete_dataset = _Call(Client.delete_dataset)
    dataset_sheet = _Call(Client.dataset_sheet)
    dataset_mean = _Call(Client.dataset_mean)
    dataset_rotation = _Call(Client.dataset_rotation)
    operation_sheet = _Call(Client.operation_sheet)
    upload_checkpoint = _Call(Client.upload_checkpoint)
    create_checkpoint = _Call(Client.create_checkpoint)
    checkpoints = _Call(Client.checkpoints)
    checkpoint = _Call(Client.checkpoint)
    delete_checkpoint = _Call(Client.delete_checkpoint)
    search_spaces = _Call(Client.search_spaces)
    estimate = _Call(Client.estimate)
    start = _Call(Client.start)
    job_documents = _Call(Client.job_documents)
    job_document = _Call(Client.job_document)
    ranking = _Call(Client.ranking)
    delete = _Call(Client.delete)
    change = _Call(Client.change)
    dashboard = _Call(Client.dashboard)
    dashboard_html = _Call(Client.dashboard_html)
    style = _Call(Client.style)
    policy = _Call(Client.policy)
    export = _Call(Client.export)
    card = _Call(Client.card)
    cancel = _Call(Client.cancel)
    pause = _Call(Client.pause)
    resume = _Call(Client.resume)
    stop = _Call(Client.stop)
    trials = _Call(Client.trials)
    trial = _Call(Client.trial)
    candidate = _Call(Client.candidate)
    export_candidate = _Call(Client.export_candidate)
    candidate_sheet = _Call(Client.candidate_sheet)
    figure = _Call(Client.figure)
    comparison = _Call(Client.comparison)
    download_encoder = _Call(Client.download_encoder)
    encoder_card = _Call(Client.encoder_card)
    create_key = _Call(Client.create_key)
    keys = _Call(Client.keys)
    revoke_key = _Call(Client.revoke_key)
    is_ready = _Call(Client.is_ready)
    metrics = _Call(Client.metrics)
