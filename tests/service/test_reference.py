"""A job that compares candidates with a reference encoder."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import torch
from safetensors.torch import save_file

from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import portable_state
from tests.conftest import TINY_SEARCH
from tests.service.waiting import until_state


@pytest.fixture(scope="module")
def reference(http: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint of an encoder that no candidate has."""
    path = tmp_path_factory.mktemp("reference") / "elsewhere.safetensors"
    torch.manual_seed(6)
    save_file(portable_state(build_encoder("resnet_small", 32)), path)
    with path.open("rb") as stream:
        answer = http.post("/v1/checkpoints", files={"file": (path.name, stream)})
    return str(answer.json()["id"])


def _start(http: httpx.Client, dataset: str, scoring: dict[str, Any]) -> httpx.Response:
    body = {**TINY_SEARCH, "dataset_id": dataset, "budget": {"trials": 3}}
    body["scoring"] = {**TINY_SEARCH["scoring"], **scoring}  # type: ignore[dict-item]
    return http.post("/v1/jobs", json=body)


def test_candidates_are_ranked_by_it(
    http: httpx.Client, animal_dataset: str, reference: str
) -> None:
    scoring = {"criterion": "reference", "reference": {"checkpoint": reference}}
    answer = _start(http, animal_dataset, scoring)
    assert answer.status_code == 202, answer.text
    job = answer.json()["id"]
    view = until_state(http, job, "completed", "failed")
    assert view["state"] == "completed", view
    policy = http.get(f"/v1/jobs/{job}/policy").json()
    kept = policy["selection"]["provenance"]["scoring"]["reference"]
    assert (kept["checkpoint"], kept["encoder"]) == (reference, "resnet_small")
    for item in http.get(f"/v1/jobs/{job}/trials").json()["items"]:
        trial = http.get(f"/v1/trials/{item['id']}").json()
        assert trial["score"] == trial["metrics"]["reference"]


@pytest.mark.parametrize(
    ("scoring", "status", "code"),
    [
        ({"criterion": "reference"}, 422, "invalid_job"),
        ({"reference": {"checkpoint": "ckpt_0"}}, 404, "checkpoint_not_found"),
        ({"reference": {}}, 422, "invalid_job"),
    ],
)
def test_what_is_no_reference_is_refused(
    http: httpx.Client, animal_dataset: str, scoring: dict[str, Any], status: int, code: str
) -> None:
    answer = _start(http, animal_dataset, scoring)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_digest_that_is_another_is_refused(
    http: httpx.Client, animal_dataset: str, reference: str
) -> None:
    scoring = {"reference": {"checkpoint": reference, "digest": "0" * 64}}
    answer = _start(http, animal_dataset, scoring)
    assert answer.json()["fields"][0]["path"] == "$.scoring.reference.digest"
