"""The Python client as a user meets it: search, wait, look, take the policy home."""

from __future__ import annotations

import base64
import io
import re
import tempfile
from pathlib import Path

import httpx
import matplotlib
import numpy as np
import pandas
import pytest
import torch
from PIL import Image

from core.embedded.stack import Stack
from quarterturn import Client, Job, SelectedPolicy, load_encoder
from quarterturn.client.client import ServerError
from quarterturn.errors import InvalidInputError, QuarterturnError, UnavailableError
from quarterturn.results.notebook import job_html
from tests.conftest import TINY_SEARCH


@pytest.fixture(scope="module")
def job(stack: Stack, animals: Path, animal_dataset: str) -> Job:
    # The images are known already: uploading them again changes nothing.
    client = Client(stack.url)
    job = client.search(animals, **TINY_SEARCH, final_pretraining={"iterations": 2})
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
    assert "completed, 9 of 9 trials" in html
    assert job.url in html
    ranking = job.ranking
    assert html.count("(baseline)") == html.count('fill="none"') == 6
    assert html.count("<circle") == len(ranking)
    assert html.count(" =</td>") == ranking.tied_with_best.sum() - 1
    assert "%</td>" in html


def test_a_notebook_shows_what_was_selected(job: Job, animals: Path) -> None:
    policy = job.policy
    html = policy._repr_html_()
    assert policy.words[0] in html
    assert policy.document["selection"]["evidence"]["level"] in html
    (encoded,) = re.findall(r'src="data:image/png;base64,([\w+/=]+)"', html)
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as sheet:
        shown = policy.preview(animals, count=4)
        assert np.array_equal(np.asarray(sheet), np.asarray(shown)), "the sheet of the images"
    without = SelectedPolicy(policy.document, "/nowhere.zip")._repr_html_()
    assert "<img" not in without, "images that have gone are not worth an error"
    assert policy.words[0] in without


def test_what_notebooks_show_is_escaped(job: Job) -> None:
    bad = "<script>alert('x')</script>"
    view = job.dashboard()
    row = {**view["ranking"][0], "name": bad}
    warning = {"code": "x", "message": bad}
    html = job_html(
        {**view, "name": bad, "message": bad, "ranking": [row], "warnings": [warning]}, f'"{bad}'
    )
    document = {**job.policy.document, "name": bad}
    document["selection"] = {**document["selection"], "tied_with": [bad], "warnings": [warning]}
    html += SelectedPolicy(document)._repr_html_()
    assert html.count("&lt;script&gt;") == 8
    assert "<script" not in html
    assert 'href="&#34;' in html


def test_the_final_encoder(job: Job, tmp_path: Path) -> None:
    encoder = job.encoder()
    images = torch.rand(2, 3, 28, 28)
    path = job.download_encoder(tmp_path / "mine.safetensors")
    assert torch.equal(load_encoder(path)(images), encoder(images))
    assert (tmp_path / "mine.md").read_text() == job.encoder_card()
    assert job.policy.name in job.encoder_card()
    with pytest.raises(InvalidInputError, match="cannot be written"):
        job.download_encoder("/nowhere/encoder.safetensors")


def test_checkpoints(stack: Stack, job: Job, tmp_path: Path) -> None:
    path = job.download_encoder(tmp_path / "mine.safetensors")
    with Client(stack.url) as client:
        made = client.upload_checkpoint(path)
        assert (made["name"], made["encoder"]) == ("mine", "resnet_tiny")
        assert client.create_checkpoint(from_job=job.id)["id"] == made["id"], "the same numbers"
        assert made["id"] in [found["id"] for found in client.checkpoints()]
        assert client.checkpoint(made["id"])["reports"] == made["reports"]
        client.delete_checkpoint(made["id"])
        with pytest.raises(ServerError, match="There is no checkpoint"):
            client.checkpoint(made["id"])
        with pytest.raises(InvalidInputError, match="There is no file"):
            client.upload_checkpoint(tmp_path / "other.safetensors")
        (tmp_path / "bad.safetensors").write_bytes(b"weights")
        with pytest.raises(ServerError) as refused:
            client.upload_checkpoint(tmp_path / "bad.safetensors")
        assert refused.value.code == "invalid_checkpoint"
        with pytest.raises(ServerError) as refused:
            client.create_checkpoint(library="torchvision", model="no_such_model")
        assert refused.value.code == "unknown_weights"


def test_lists_are_read_page_by_page(stack: Stack, job: Job, animal_dataset: str) -> None:
    with Client(stack.url) as client:
        assert animal_dataset in [found["id"] for found in client.datasets()]
        assert client.dataset(animal_dataset)["images"] > 500
        ids = [found.id for found in client.jobs(state="completed")]
        assert job.id in ids
        some = client._connection.items("/v1/jobs", state="completed", limit=1)
        assert [found["id"] for found in some] == ids


def test_a_cancelled_job_is_an_error_to_wait_for(stack: Stack, animal_dataset: str) -> None:
    with Client(stack.url) as client:
        started = client.start(animal_dataset, **{**TINY_SEARCH, "iterations": 20_000})
        job = client.job(started["id"])
        try:
            job.pause()
            assert job.state == "paused"
            job.resume()
        finally:  # other tests need its worker
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


def test_what_is_sent_again_after_a_lost_connection(tmp_path: Path) -> None:
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
    transport, asked = _flaky(2, httpx.ReadError)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"weights")
    with Client("http://127.0.0.1", transport=transport) as client:
        client.upload_checkpoint(path)
        client.cancel("job_1")
    assert asked == ["POST"] * 4, "twice is the same as once"


def test_what_a_server_lacks_is_said_in_its_words() -> None:
    body = {"code": "library_missing", "detail": "timm is not installed on the server."}
    transport = httpx.MockTransport(lambda _: httpx.Response(503, json=body))
    with (
        Client("http://127.0.0.1", transport=transport) as client,
        pytest.raises(UnavailableError, match="timm is not installed") as refused,
    ):
        client.create_checkpoint(library="timm", model="resnet18.a1_in1k")
    assert refused.value.code == "library_missing"


def test_a_client_with_a_service_of_its_own(animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERTURN_WORKER_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="quarterturn-test-") as folder:
        with Client.embedded(folder) as client:
            job = client.search(animals, **TINY_SEARCH).wait(period=0.2)
            name, job_id = job.policy.name, job.id
        with Client.embedded(folder) as client:
            assert client.job(job_id).policy.name == name, "data stays"
