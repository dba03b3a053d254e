"""Datasets, checkpoints and encoders in S3: no folder is shared, nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load
from sqlalchemy import select

from benchmarks.datasets.animal_mnist import write_archive
from core.store.database import engine_for
from core.store.tables import Trial
from quarterturn.models.tensors import digest_of
from tests.cluster.conftest import Cluster
from tests.conftest import TINY_SEARCH
from tests.service.waiting import until, until_state

SEARCH = {
    **TINY_SEARCH,
    "strategy": {"kind": "successive_halving", "candidates": 2, "rungs": 2},
    "iterations": 6,
    "final_pretraining": {"iterations": 6},
}


def _upload(cluster: Cluster, archive: Path) -> Any:
    with archive.open("rb") as stream:
        answer = cluster.http.post("/v1/datasets", files={"file": (archive.name, stream)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def _run(cluster: Cluster, dataset: str, **search: Any) -> Any:
    created = cluster.http.post("/v1/jobs", json={"dataset_id": dataset, **SEARCH, **search})
    assert created.status_code == 202, created.text
    return until_state(cluster.http, created.json()["id"], "completed", "failed", seconds=120)


@pytest.fixture(scope="module")
def dataset(cluster: Cluster, animals: Path) -> Any:
    return _upload(cluster, animals)


@pytest.fixture(scope="module")
def searched(cluster: Cluster, dataset: Any) -> Any:
    """The dashboard of a search in rungs, with a final encoder."""
    view = _run(cluster, dataset["id"])
    assert view["state"] == "completed", view
    assert view["failures"] == []
    return view


def test_a_search_of_which_only_s3_is_shared(cluster: Cluster, dataset: Any, searched: Any) -> None:
    """Rungs go on from what earlier ones kept; the API hands out what the worker made."""
    http, job = cluster.http, searched["job_id"]
    with engine_for(cluster.database).connect() as connection:
        query = select(Trial.iterations_run, Trial.iterations - Trial.resume_from).where(
            Trial.job_id == job, Trial.resume_from > 0
        )
        rungs = connection.execute(query).all()
    assert rungs
    assert all(run == cost for run, cost in rungs), "from the checkpoint of the rung before"
    answer = http.get(f"/v1/jobs/{job}/encoder")
    assert answer.status_code == 200
    encoder = http.get(f"/v1/jobs/{job}").json()["encoder"]
    assert digest_of(load(answer.content)) == encoder["digest"]
    assert len(answer.content) == encoder["size_bytes"]
    assert dataset["digest"] in http.get(f"/v1/jobs/{job}/encoder/card").text
    for node in ("api", "worker"):
        own = {path.name for path in cluster.nodes.data_dir(node).iterdir()}
        assert own <= {"cache", "building", "uploads"}, "nothing is stored in folders of nodes"
    assert any(cluster.nodes.data_dir("worker").glob("cache/*/images.bin"))


def test_a_warm_start_from_another_jobs_encoder(
    cluster: Cluster, dataset: Any, searched: Any
) -> None:
    made = cluster.http.post("/v1/checkpoints", json={"from_job": searched["job_id"]})
    assert made.status_code == 201, made.text
    checkpoint = made.json()
    pretraining = {**SEARCH["pretraining"], "init": {"checkpoint": checkpoint["id"]}}  # type: ignore[dict-item]
    view = _run(
        cluster,
        dataset["id"],
        pretraining=pretraining,
        final_pretraining=None,
        strategy={"kind": "random", "candidates": 1},
        iterations=2,
    )
    assert view["state"] == "completed", view
    assert cluster.http.delete(f"/v1/checkpoints/{checkpoint['id']}").status_code == 204
    assert not [key for key in cluster.s3.objects() if key.startswith("weights/")]


def test_the_doctor_looks_at_the_storage(cluster: Cluster) -> None:
    text = cluster.nodes.run("worker", "doctor")
    assert f"Files can be stored and read at {cluster.s3.url}." in text
    assert not [key for key in cluster.s3.objects() if key.startswith("doctor/")]


def test_images_that_are_gone_fail_the_job_with_a_reason(cluster: Cluster, tmp_path: Path) -> None:
    dataset = _upload(cluster, write_archive(tmp_path / "few.zip", 150))
    files = cluster.s3.files()
    files.rm(f"{cluster.s3.url}/datasets/{dataset['digest']}", recursive=True)
    view = _run(cluster, dataset["id"], strategy={"kind": "random", "candidates": 1})
    assert view["state"] == "failed"
    assert {failure["reason"] for failure in view["failures"]} == {"dataset_unavailable"}
    assert dataset["digest"] in view["failures"][0]["message"]
    cluster.http.delete(f"/v1/datasets/{dataset['id']}")


def test_what_is_deleted_leaves_no_object(cluster: Cluster, tmp_path: Path) -> None:
    before = set(cluster.s3.objects())  # of other tests

    def left() -> set[str]:
        return set(cluster.s3.objects()) - before

    dataset = _upload(cluster, write_archive(tmp_path / "own.zip", 200))
    searched = _run(cluster, dataset["id"])
    assert searched["state"] == "completed", searched
    encoder = f"encoders/{searched['job_id']}.safetensors/"
    assert any(key.startswith("datasets/") for key in left())
    assert cluster.http.delete(f"/v1/datasets/{dataset['id']}").status_code == 204
    # Jobs stay, and their encoders with them; what their trials kept for one another does not.
    until(lambda: all(key.startswith(encoder) for key in left()), 30)
    assert len(left()) == 2, "the file and its manifest"
