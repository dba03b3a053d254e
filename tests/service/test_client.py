"""The Python client as a user meets it: search, wait, look, take the policy home."""

from __future__ import annotations

import tempfile
from pathlib import Path

import httpx
import matplotlib
import pandas
import pytest
import torch

from core.embedded.stack import Stack
from core.errors import QuarterturnError, UnavailableError
from quarterturn import Client, Job
from tests.conftest import TINY_SEARCH


@pytest.fixture(scope="module")
def job(stack: Stack, animals: Path, animal_dataset: str) -> Job:
    # The images are known already: uploading them again changes nothing.
    client = Client(stack.url)
    job = client.search(animals, **TINY_SEARCH)
    assert job.dashboard()["dataset"]["id"] == animal_dataset
    return job.wait(progress=True, period=0.2)


def test_the_ranking_as_a_table(job: Job) -> None:
    ranking = job.ranking
    assert isinstance(ranking, pandas.DataFrame)
    assert list(ranking.index) == list(range(1, 9))
    assert (ranking.origin == "baseline").sum() == 6
    assert ranking.score.between(0, 1).all()


def test_the_policy_on_torchvision_and_here(job: Job) -> None:
    policy = job.policy
    image = torch.rand(3, 28, 28)
    first, second = policy.torchvision().two_views(image)
    assert first.shape == second.shape == image.shape
    assert policy.transform(seed=0)(image).shape == image.shape
    assert "kornia" in policy.export("kornia")
    assert policy.document["selection"]["evidence"]["level"] in ("none", "weak", "clear")


def test_the_plot_has_a_point_for_each_candidate(job: Job) -> None:
    matplotlib.use("Agg")
    axes = job.plot()
    assert len(axes.containers) == 8
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == job.ranking.name.iloc[0]


def test_a_notebook_shows_where_it_stands(job: Job) -> None:
    html = job._repr_html_()
    assert "completed, 8 of 8 trials" in html
    assert job.url in html


def test_a_cancelled_job_is_an_error_to_wait_for(stack: Stack, animal_dataset: str) -> None:
    with Client(stack.url) as client:
        started = client.start(animal_dataset, **{**TINY_SEARCH, "iterations": 20_000})
        job = client.job(started["id"])
        job.pause()
        assert job.state == "paused"
        job.resume()
        job.cancel()
        with pytest.raises(QuarterturnError, match="Cancelled by request"):
            job.wait(period=0.2)


def _flaky(
    failures: int, error: type[httpx.TransportError]
) -> tuple[httpx.MockTransport, list[str]]:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if len(asked) <= failures:
            raise error("gone")
        return httpx.Response(200, json={"id": "job_1"})

    return httpx.MockTransport(answer), asked


def test_what_is_sent_again_after_a_lost_connection() -> None:
    transport, asked = _flaky(2, httpx.ReadError)
    with Client("http://127.0.0.1", transport=transport) as client:
        client.dashboard("job_1")
    assert asked == ["GET"] * 3
    transport, asked = _flaky(2, httpx.ConnectError)
    with Client("http://127.0.0.1", transport=transport) as client:
        client.start("ds_1")
    assert asked == ["POST"] * 3, "nothing arrived, so nothing is done twice"
    transport, asked = _flaky(1, httpx.ReadError)
    with (
        Client("http://127.0.0.1", transport=transport) as client,
        pytest.raises(UnavailableError, match="does not answer"),
    ):
        client.start("ds_1")
    assert asked == ["POST"], "it may have started a job"


def test_a_client_with_a_service_of_its_own(animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERTURN_WORKER_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="quarterturn-test-") as folder:
        with Client.embedded(folder) as client:
            job = client.search(animals, **TINY_SEARCH).wait(period=0.2)
            name, job_id = job.policy.name, job.id
        with Client.embedded(folder) as client:
            assert client.job(job_id).policy.name == name, "data stays"
