"""Checkpoints, warm starts and final encoders over HTTP, with real trials."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
import torchvision
from safetensors.torch import load, save_file

from benchmarks.datasets.animal_mnist import write_archive
from quarterturn.data import DatasetCache
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import load_portable, portable_state
from quarterturn.models.tensors import Weights, digest_of
from quarterturn.pretrain.data import load_trial_data
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec
from quarterturn.score.untrained import untrained_rotation
from tests.conftest import TINY_SEARCH
from tests.service.waiting import until_state

TINY: dict[str, Any] = TINY_SEARCH["pretraining"]  # type: ignore[assignment]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder as a MoCo script saves it."""
    torch.manual_seed(7)
    state = portable_state(build_encoder("resnet_tiny", 28))
    path = tmp_path_factory.mktemp("weights") / "moco.safetensors"
    save_file({f"module.encoder_q.{name}": tensor for name, tensor in state.items()}, path)
    return path


def _upload(http: httpx.Client, path: Path, **fields: str) -> httpx.Response:
    with path.open("rb") as stream:
        return http.post("/v1/checkpoints", files={"file": (path.name, stream)}, data=fields)


@pytest.fixture(scope="module")
def checkpoint(http: httpx.Client, weights: Path) -> Any:
    answer = _upload(http, weights, name="moco")
    assert answer.status_code == 201, answer.text
    return answer.json()


def _trials(http: httpx.Client, job_id: str) -> list[Any]:
    found = http.get(f"/v1/jobs/{job_id}/trials", params={"limit": 1000}).json()["items"]
    return [http.get(f"/v1/trials/{trial['id']}").json() for trial in found]


def _run(http: httpx.Client, dataset: str, **search: Any) -> tuple[str, Any]:
    body = {"dataset_id": dataset, **TINY_SEARCH, **search}
    created = http.post("/v1/jobs", json=body)
    assert created.status_code == 202, created.text
    job_id = created.json()["id"]
    return job_id, until_state(http, job_id, "completed", "failed", seconds=180)


def test_an_upload_and_its_report(http: httpx.Client, checkpoint: Any, weights: Path) -> None:
    assert checkpoint["encoder"] == "resnet_tiny"
    assert checkpoint["digest"] == digest_of(load(weights.read_bytes()) and _plain(weights))
    report = next(r for r in checkpoint["reports"] if r["encoder"] == "resnet_tiny")
    assert (report["fits"], report["prefix"]) == (True, "module.encoder_q.")
    assert report["matched"] == checkpoint["tensors"]
    assert {r["encoder"] for r in checkpoint["reports"] if r["fits"]} == {"resnet_tiny"}
    again = _upload(http, weights, name="other name")
    assert (again.status_code, again.json()["id"]) == (200, checkpoint["id"])
    assert http.get(again.headers["Location"]).json() == again.json()
    assert checkpoint["id"] in [c["id"] for c in http.get("/v1/checkpoints").json()["items"]]


def _plain(path: Path) -> dict[str, torch.Tensor]:
    prefix = "module.encoder_q."
    return {name.removeprefix(prefix): t for name, t in load(path.read_bytes()).items()}


def test_bad_files_are_refused(http: httpx.Client, weights: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(weights.read_bytes()[:-3])
    answer = _upload(http, bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_checkpoint")
    lacking = _plain(weights)
    del lacking["stage2.first.weight"]
    save_file(lacking, bad)
    answer = _upload(http, bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "checkpoint_does_not_fit")
    assert answer.json()["fields"][0]["missing"] == ["stage2.first.weight"]
    torch.save(_plain(weights), tmp_path / "plain.pth")
    answer = _upload(http, tmp_path / "plain.pth")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_checkpoint")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"path": "/etc/passwd"}, 403, "path_not_allowed"),
        ({}, 422, "invalid_request"),
        ({"path": "/a", "from_job": "job_x"}, 422, "invalid_request"),
        ({"library": "torchvision"}, 422, "invalid_request"),
        ({"library": "torchvision", "model": "http://a/b"}, 422, "unknown_weights"),
        ({"from_job": "job_unknown"}, 404, "job_not_found"),
        ({"url": "http://169.254.169.254/"}, 422, "invalid_request"),
    ],
)
def test_bad_requests(http: httpx.Client, body: Any, status: int, code: str) -> None:
    answer = http.post("/v1/checkpoints", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_pth_file_of_an_allowed_folder(
    http: httpx.Client, server_folder: Path, tmp_path: Path
) -> None:
    torch.manual_seed(8)
    state = portable_state(build_encoder("resnet_tiny", 28))
    torch.save({"epoch": 3, "state_dict": state}, server_folder / "base.pth.tar")
    answer = http.post("/v1/checkpoints", json={"path": str(server_folder / "base.pth.tar")})
    assert answer.status_code == 201, answer.text
    assert answer.json()["digest"] == digest_of(state)
    assert answer.json()["source"] == {"kind": "path", "file": "base.pth.tar"}
    (server_folder / "link.pth").symlink_to(tmp_path / "outside.pth")
    torch.save(state, tmp_path / "outside.pth")
    outside = http.post("/v1/checkpoints", json={"path": str(server_folder / "link.pth")})
    assert outside.json()["code"] == "path_not_allowed"
    deleted = http.delete(answer.headers["Location"])
    assert deleted.status_code == 204
    assert http.get(answer.headers["Location"]).json()["code"] == "checkpoint_not_found"


def test_a_job_from_a_checkpoint(
    http: httpx.Client,
    animal_dataset: str,
    checkpoint: Any,
    weights: Path,
    animal_cache: DatasetCache,
) -> None:
    start = {**TINY, "init": {"checkpoint": checkpoint["id"]}}
    job_id, view = _run(http, animal_dataset, pretraining=start)
    assert view["state"] == "completed", view
    trials = _trials(http, job_id)
    named = {"kind": "checkpoint", "name": checkpoint["id"], "digest": checkpoint["digest"]}
    assert [t["provenance"] for t in trials] == [{"init": named}] * len(trials)
    provenance = http.get(f"/v1/jobs/{job_id}/policy").json()["selection"]["provenance"]
    assert provenance["pretraining"]["init"]["digest"] == checkpoint["digest"]
    scratch_id, _ = _run(http, animal_dataset)
    scratch = _trials(http, scratch_id)
    assert scratch[0]["provenance"] == {"init": {"kind": "scratch"}}
    untrained = [{t["metrics"]["rotation_untrained"] for t in some} for some in (trials, scratch)]
    # The control is what was started from, on the same images.
    assert animal_cache.info.digest == http.get(f"/v1/datasets/{animal_dataset}").json()["digest"]
    data = load_trial_data(animal_cache, torch.device("cpu"))
    scoring = ScoringSpec.model_validate(TINY_SEARCH["scoring"])
    given = Weights(_plain(weights), checkpoint["digest"])
    for found, initial in zip(untrained, (given, None), strict=True):
        expected = untrained_rotation(data, PretrainingSpec(**TINY), scoring, 0, initial)
        # Another process may round one turn of an image to the other side.
        assert list(found) == pytest.approx([expected], abs=1.5 / (4 * scoring.probe_test_images))


def test_a_checkpoint_of_another_encoder_is_refused_with_the_list(
    http: httpx.Client, animal_dataset: str, checkpoint: Any
) -> None:
    body = {
        "dataset_id": animal_dataset,
        **TINY_SEARCH,
        "pretraining": {"encoder": "resnet_small", "init": {"checkpoint": checkpoint["id"]}},
    }
    answer = http.post("/v1/jobs", json=body).json()
    assert answer["code"] == "checkpoint_does_not_fit"
    assert len(answer["fields"][0]["misfits"]) > 20
    body["pretraining"] = {**TINY, "init": {"checkpoint": checkpoint["id"], "digest": "0" * 64}}
    assert http.post("/v1/jobs", json=body).json()["code"] == "invalid_job"
    body["pretraining"] = {**TINY, "init": {"checkpoint": "ckpt_unknown"}}
    assert http.post("/v1/jobs", json=body).json()["code"] == "checkpoint_not_found"
    body["pretraining"] = {**TINY, "variant": "bn_only"}
    assert http.post("/v1/jobs", json=body).json()["code"] == "invalid_job"


def test_the_whole_chain_with_a_final_encoder(
    http: httpx.Client, animal_dataset: str, checkpoint: Any, tmp_path: Path
) -> None:
    """Base, source at another resolution, shared warm-up, candidates of two seeds, final encoder,
    which another job starts from.
    """
    with write_archive(tmp_path / "other.zip", 300).open("rb") as stream:
        source = http.post(
            "/v1/datasets", files={"file": ("other.zip", stream)}, data={"resolution": "80"}
        ).json()
    start = {
        **TINY,
        "variant": "bn_only",
        "init": {
            "checkpoint": checkpoint["id"],
            "shared_warmup": {"iterations": 3, "policy": "simclr"},
        },
        "chain": [{"dataset_id": source["id"], "iterations": 2, "method": "moco_v2"}],
    }
    search = {"pretraining": start, "seeds": 2, "final_pretraining": {"iterations": 5}}
    created = http.post("/v1/jobs", json={"dataset_id": animal_dataset, **TINY_SEARCH, **search})
    job_id = created.json()["id"]
    assert http.delete(f"/v1/checkpoints/{checkpoint['id']}").json()["code"] == "checkpoint_in_use"
    assert http.delete(f"/v1/datasets/{source['id']}").json()["code"] == "dataset_in_use"
    early = http.get(f"/v1/jobs/{job_id}/encoder")
    assert (early.status_code, early.json()["code"]) == (409, "encoder_not_ready")
    view = until_state(http, job_id, "completed", "failed", seconds=180)
    assert view["state"] == "completed", view
    assert view["counts"]["completed"] == view["trials_total"] == 1 + 2 + 2 * 8 + 1

    trials = _trials(http, job_id)
    by_task = {
        task: [t for t in trials if t["task"] == task] for task in {t["task"] for t in trials}
    }
    (first,) = by_task["source/0"]
    assert first["provenance"]["init"]["digest"] == checkpoint["digest"]
    warm = {t["seed"]: t["provenance"] for t in by_task["warm_up"]}
    assert set(warm) == {0, 1}, "once for each seed"
    for provenance in warm.values():
        assert provenance["init"]["digest"] == first["provenance"]["weights"]
    for trial in by_task["search"]:
        given = warm[trial["seed"]]["weights"]
        assert trial["provenance"]["init"]["digest"] == given
    stages = http.get(f"/v1/jobs/{job_id}/policy").json()["selection"]["provenance"]["stages"]
    assert {s["digest"] for s in stages} == {
        first["provenance"]["weights"],
        *(p["weights"] for p in warm.values()),
    }

    (final,) = by_task["final"]
    policy = http.get(f"/v1/jobs/{job_id}/policy").json()
    assert final["policy"]["views"] == policy["views"]
    job = http.get(f"/v1/jobs/{job_id}").json()
    images = http.get(f"/v1/datasets/{animal_dataset}").json()["images"]
    assert (job["encoder"]["images"], job["encoder"]["iterations"]) == (images, 5)
    answer = http.get(job["links"]["encoder"])
    encoder = load(answer.content)
    assert digest_of(encoder) == job["encoder"]["digest"] == final["provenance"]["weights"]
    load_portable(build_encoder("resnet_tiny", 28), encoder)
    card = http.get(job["links"]["encoder_card"])
    assert card.headers["content-type"].startswith("text/markdown")
    for text in (job["encoder"]["digest"], policy["name"], "resnet_tiny", "load_encoder"):
        assert text in card.text

    taken = http.post("/v1/checkpoints", json={"from_job": job_id})
    assert taken.status_code == 201, taken.text
    assert taken.json()["digest"] == job["encoder"]["digest"]
    again = {**TINY, "init": {"checkpoint": taken.json()["id"]}}
    _, view = _run(http, animal_dataset, pretraining=again)
    assert view["state"] == "completed"


def test_a_mobilenet_of_torchvision_and_back(
    http: httpx.Client, animal_dataset: str, tmp_path: Path
) -> None:
    """A file of torchvision is uploaded, a search starts from it, torchvision loads the encoder."""
    torch.manual_seed(9)
    save_file(torchvision.models.mobilenet_v2().state_dict(), tmp_path / "mobile.safetensors")
    answer = _upload(http, tmp_path / "mobile.safetensors")
    assert answer.json()["encoder"] == "mobilenet_v2", answer.text
    start = {**TINY, "encoder": "mobilenet_v2", "init": {"checkpoint": answer.json()["id"]}}
    job_id, view = _run(
        http, animal_dataset, pretraining=start, iterations=2, final_pretraining={"iterations": 2}
    )
    assert view["state"] == "completed", view
    encoder = load(http.get(f"/v1/jobs/{job_id}/encoder").content)
    model = torchvision.models.mobilenet_v2()
    model.classifier = torch.nn.Identity()
    model.load_state_dict(encoder)
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 1280)


def test_a_job_without_final_pretraining_has_no_encoder(
    http: httpx.Client, animal_dataset: str
) -> None:
    job_id, _ = _run(http, animal_dataset)
    assert http.get(f"/v1/jobs/{job_id}").json()["encoder"] is None
    for path in ("encoder", "encoder/card"):
        answer = http.get(f"/v1/jobs/{job_id}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "encoder_not_ready")
    answer = http.post("/v1/checkpoints", json={"from_job": job_id})
    assert (answer.status_code, answer.json()["code"]) == (409, "encoder_not_ready")


def test_a_body_that_is_too_large_is_cut_off(http: httpx.Client) -> None:
    big = io.BytesIO(b"\0" * 31_000_000)
    answer = http.post("/v1/checkpoints", files={"file": ("big.safetensors", big)})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
