"""Upload, job, dashboard, policy, over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import jsonschema
import torch

from quarterturn import load_policy
from quarterturn.policy import policy_json_schema
from quarterturn.policy.recipes import BASELINES
from tests.service.waiting import until_state

SEARCH = {
    "search_space": "rand-augment",
    "strategy": {"kind": "successive_halving", "candidates": 4, "rungs": 2},
    "iterations": 24,
    "seeds": 2,
    "pretraining": {"encoder": "resnet_tiny", "batch_size": 32},
    "scoring": {"probe_train_images": 100, "probe_test_images": 70},
}


def test_from_an_archive_to_a_policy(http: httpx.Client, animals: Path) -> None:
    with animals.open("rb") as stream:
        uploaded = http.post(
            "/v1/datasets", files={"file": ("animals.zip", stream)}, data={"name": "animals"}
        )
    dataset = uploaded.json()
    assert dataset["images"] + sum(dataset["skipped_reasons"].values()) == dataset["files"] == 600
    assert sum(dataset["splits"].values()) == dataset["images"]
    assert http.get(uploaded.headers["Location"]).json() == dataset

    created = http.post("/v1/jobs", json={"dataset_id": dataset["id"], **SEARCH})
    assert created.status_code == 202
    job = created.json()
    assert created.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert job["spec"]["pretraining"]["temperature"] == 0.2, "defaults are filled in"
    early = http.get(f"/v1/jobs/{job['id']}/policy")
    assert (early.status_code, early.json()["code"]) == (409, "policy_not_ready")

    view = until_state(http, job["id"], "completed", "failed")
    assert view["state"] == "completed", view
    assert view["counts"]["completed"] == view["trials_total"]
    assert [rung["iterations"] for rung in view["rungs"]] == [8, 24]
    ranked = {entry["name"] for entry in view["ranking"]}
    assert {make().name for make in BASELINES.values()} <= ranked
    top = view["ranking"][0]
    assert top["seeds"] == 2
    assert top["standard_error"] >= 0
    assert [entry["rank"] for entry in view["ranking"]] == list(range(1, len(ranked) + 1))

    answer = http.get(f"/v1/jobs/{job['id']}/policy")
    policy = answer.json()
    jsonschema.validate(policy, policy_json_schema())
    selection = policy["selection"]
    best = view["best"]
    assert policy["name"] == best["name"]
    nothing = view["evidence"]["level"] == "none"
    assert best["name"] == ("moco_v2" if nothing else top["name"])
    assert selection["score"] == round(best["reported"], 6), "not what was selected on"
    assert selection["selected_on"]["score"] == round(best["score"], 6)
    provenance = selection["provenance"]
    assert provenance["dataset"]["digest"] == dataset["digest"]
    assert {"search_space", "strategy", "seeds", "encoder", "method", "iterations", "versions"} <= (
        provenance.keys()
    )
    batch = torch.randint(0, 256, (4, 3, 28, 28), dtype=torch.uint8)
    first, second = load_policy(policy).two_views(batch)
    assert first.shape == second.shape == batch.shape


def test_trials_are_paged_and_readable(http: httpx.Client, animal_dataset: str) -> None:
    body = {"dataset_id": animal_dataset, **SEARCH, "seeds": 1, "iterations": 6}
    job = http.post("/v1/jobs", json=body).json()
    until_state(http, job["id"], "completed")
    seen: list[str] = []
    cursor = "0"
    while cursor:
        page = http.get(f"/v1/jobs/{job['id']}/trials", params={"limit": 3, "after": cursor}).json()
        seen += [trial["id"] for trial in page["items"]]
        cursor = page["next"]
    total = http.get(f"/v1/jobs/{job['id']}/dashboard").json()["trials_total"]
    assert len(seen) == len(set(seen)) == total
    trial = http.get(f"/v1/trials/{seen[0]}").json()
    assert trial["state"] == "completed"
    assert 0 <= trial["score"] <= 1
    assert trial["curve"][-1][0] == trial["iterations"]
    assert trial["policy"]["schema_version"] == 1
    assert trial["metrics"]["rankme"] >= 1


def test_the_same_images_are_the_same_dataset(
    http: httpx.Client, animals: Path, animal_dataset: str
) -> None:
    with animals.open("rb") as stream:
        again = http.post("/v1/datasets", files={"file": ("other-name.zip", stream)})
    assert (again.status_code, again.json()["id"]) == (200, animal_dataset)


def test_the_dashboard_speaks_html_to_browsers(http: httpx.Client, animal_dataset: str) -> None:
    job = http.post(
        "/v1/jobs",
        json={"dataset_id": animal_dataset, **SEARCH, "name": "<script>alert(1)</script>"},
    ).json()
    path = f"/v1/jobs/{job['id']}/dashboard"
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = http.get(path, headers=browser)
    assert page.headers["content-type"].startswith("text/html")
    assert "<script>alert" not in page.text
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    assert http.get(path, headers={"Accept": "application/json"}).json()["job_id"] == job["id"]
    assert http.get(path).headers["content-type"] == "application/json"
    http.post(f"/v1/jobs/{job['id']}/cancel")


def test_presets_and_dry_check(http: httpx.Client) -> None:
    spaces = http.get("/v1/search-spaces").json()
    assert [preset["name"] for preset in spaces["presets"]] == [
        "recipes",
        "single-operation",
        "rand-augment",
        "selfaugment",
        "photometric",
    ]
    checked = http.post(
        "/v1/search-spaces/validate",
        json={
            "search_space": {"kind": "pipeline", "operations": ["rotate90"]},
            "strategy": {"kind": "grid", "points": 2},
            "iterations": 10,
            "seeds": 2,
        },
    ).json()
    assert checked["candidates"] == 1
    assert checked["warnings"][0]["code"] == "rotation_confounded"
    assert checked["estimate"]["trials"] == 7 * 2
    assert checked["estimate"]["iterations"] == 7 * 2 * 10


def test_health(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "alive"}
    assert http.get("/readyz").json() == {
        "ready": True,
        "database": "ok",
        "broker": "ok",
        "workers": "ok",
    }
