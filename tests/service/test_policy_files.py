"""The selected policy as a file of each library, over HTTP and with the client."""

from __future__ import annotations

import httpx
import pytest

from quarterturn import Client
from quarterturn.export import FORMATS, export
from quarterturn.policy import parse_policy
from tests.conftest import TINY_SEARCH
from tests.service.waiting import until_state


@pytest.fixture(scope="module")
def job(http: httpx.Client, animal_dataset: str) -> str:
    body = {"dataset_id": animal_dataset, **TINY_SEARCH, "name": "files"}
    created = http.post("/v1/jobs", json=body).json()
    until_state(http, created["id"], "completed", seconds=240)
    return str(created["id"])


@pytest.mark.parametrize("name", list(FORMATS))
def test_each_format_is_a_file(http: httpx.Client, job: str, name: str) -> None:
    answer = http.get(f"/v1/jobs/{job}/policy", params={"format": name})
    policy = parse_policy(http.get(f"/v1/jobs/{job}/policy").json())
    if name == "timm" and answer.status_code == 422:
        assert answer.json()["code"] == "export_not_possible"
        assert answer.json()["fields"][0]["path"] in answer.json()["detail"]
        return
    assert answer.status_code == 200, answer.text
    made = export(policy, name)
    assert answer.headers["content-type"].partition(";")[0] == made.media_type.partition(";")[0]
    assert answer.headers["content-disposition"] == f'attachment; filename="{made.filename}"'
    assert answer.text == made.text
    if name != "json":
        assert policy.digest in answer.text


def test_unknown_formats_are_refused_with_the_list(http: httpx.Client, job: str) -> None:
    answer = http.get(f"/v1/jobs/{job}/policy", params={"format": "onnx"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_format")
    assert answer.json()["fields"][0]["allowed"] == list(FORMATS)


@pytest.mark.parametrize("query", [{"size": 4}, {"size": "large"}, {"view": 2}])
def test_sizes_and_views_are_checked(
    http: httpx.Client, job: str, query: dict[str, object]
) -> None:
    answer = http.get(f"/v1/jobs/{job}/policy", params={"format": "albumentations", **query})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_the_client_exports(http: httpx.Client, job: str) -> None:
    with Client(str(http.base_url)) as client:
        text = client.export(job, "albumentations", size=96)
        assert "[96, 96]" in text or "RandomResizedCrop" not in text
        assert client.export(job, "kornia").startswith("# Augmentation policy")
