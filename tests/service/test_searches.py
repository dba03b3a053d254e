"""Searches of several stages, over HTTP and with real training."""

from __future__ import annotations

import os
import signal
from typing import Any

import httpx
import pytest

from quarterturn.policy.recipes import BASELINES
from quarterturn.search.strategies.pipeline import FRESH_SEEDS
from tests.service.waiting import until

THREE = {
    "kind": "sub_policies",
    "name": "three",
    "sub_policies": 2,
    "operations": [
        "invert",
        {"op": "rotate", "probability": {"min": 0, "max": 1}},
        "translate_x",
    ],
}
DENSITY = {
    "kind": "density_matching",
    "folds": 2,
    "keep": 2,
    "beam": 2,
    "points": 1,
    "images": 16,
    "passes": 1,
    "batch": 4,
    "objectives": ["minimax_weighted"],
}
SMALL = {
    "iterations": 2,
    "seeds": 1,
    "pretraining": {"encoder": "resnet_tiny", "batch_size": 16},
    "scoring": {"probe_train_images": 24, "probe_test_images": 16, "report_images": 16},
}
BASELINE_NAMES = {make().name for make in BASELINES.values()}


def _start(http: httpx.Client, dataset: str, **search: Any) -> str:
    answer = http.post("/v1/jobs", json={"dataset_id": dataset, **SMALL, **search})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _trials(http: httpx.Client, job: str, **params: Any) -> list[dict[str, Any]]:
    page = http.get(f"/v1/jobs/{job}/trials", params={"limit": 200, **params}).json()
    assert page["next"] is None
    items: list[dict[str, Any]] = page["items"]
    return items


def _completed(http: httpx.Client, job: str) -> dict[str, Any]:
    # The dashboard plans the rest of the search each time; a busy machine has better to do.
    until(lambda: http.get(f"/v1/jobs/{job}").json()["state"] in ("completed", "failed"), 180, 0.5)
    view: dict[str, Any] = http.get(f"/v1/jobs/{job}/dashboard").json()
    assert view["state"] == "completed", view
    assert view["failures"] == []
    assert view["counts"]["completed"] == view["trials_total"]
    return view


def _policy(http: httpx.Client, job: str) -> dict[str, Any]:
    policy: dict[str, Any] = http.get(f"/v1/jobs/{job}/policy").json()
    return policy


def test_a_pipeline_from_the_base_to_the_confirmation(
    http: httpx.Client, animal_dataset: str
) -> None:
    base = {
        "search_space": {
            "kind": "single_operation",
            "operations": ["random_resized_crop", "rotate", "invert"],
        }
    }
    strategy = {
        "kind": "pipeline",
        "base": base,
        "search": DENSITY,
        "confirmation": {"seeds": 2, "top": 1},
    }
    job = _start(http, animal_dataset, search_space=THREE, strategy=strategy)
    view = _completed(http, job)
    stages = [rung["stage"] for rung in view["rungs"]]
    assert stages == ["base", "fold", "density", "search", "confirmation"]
    assert all(rung["completed"] == rung["total"] > 0 for rung in view["rungs"])
    assert len(view["base_ranking"]) == 3

    trials = _trials(http, job)
    by_stage: dict[str, list[dict[str, Any]]] = {stage: [] for stage in stages}
    for trial in trials:
        by_stage[trial["task"].split("/")[0]].append(trial)
    for stage, found in by_stage.items():
        scored = stage not in ("fold", "density")
        assert all((t["score"] is not None) == scored for t in found), stage
        assert all((t["held_out"] is not None) == scored for t in found), stage
    confirming = {trial["seed"] for trial in by_stage["confirmation"]}
    assert confirming == {FRESH_SEEDS, FRESH_SEEDS + 1}
    assert not confirming & {t["seed"] for t in trials if t["task"] != "confirmation"}

    winner = http.get(f"/v1/trials/{_best(by_stage['base'])}").json()["policy"]
    fold = http.get(f"/v1/trials/{by_stage['fold'][0]['id']}").json()
    assert fold["policy"]["views"] == winner["views"], "the winner of the base stage is the base"
    assert {"rotation", "infonce", "loss"} == fold["metrics"].keys()
    density = http.get(f"/v1/trials/{by_stage['density'][0]['id']}").json()
    assert all({"rotation", "infonce"} == one.keys() for one in density["metrics"]["losses"])
    searched = next(
        t
        for t in by_stage["search"]
        if http.get(f"/v1/trials/{t['id']}").json()["policy"]["name"].startswith("selfaugment")
    )
    found = http.get(f"/v1/trials/{searched['id']}").json()["policy"]
    assert found["views"][0][0]["op"] == "one_of"
    assert found["views"][0][1:] == winner["views"][0]

    confirmed = {e["name"] for e in view["ranking"] if e["stage"] == "confirmation"}
    assert "moco_v2" in confirmed, "the incumbent"
    assert len(confirmed) == 2, "and the finalist"
    finalist = next(e for e in view["ranking"] if e["name"] in confirmed - {"moco_v2"})
    collapsed = {t["candidate_key"] for t in by_stage["search"] if t["collapsed"]}
    assert finalist["candidate"] not in collapsed, "what collapsed is not worth confirming"
    policy = _policy(http, job)
    selection = policy["selection"]
    chosen = next(e for e in view["ranking"] if e["name"] == policy["name"])
    (reported,) = [
        t["held_out"]
        for t in by_stage["confirmation"]
        if t["candidate_key"] == chosen["candidate"] and t["seed"] == FRESH_SEEDS + 1
    ]
    assert selection["score"] == pytest.approx(reported, abs=1e-6)
    assert selection["measured_on"] == "images and seeds that selection never saw"
    assert selection["evidence"]["level"] in ("none", "weak", "clear")
    if selection["evidence"]["level"] == "none":
        assert policy["name"] == "moco_v2"


def _best(trials: list[dict[str, Any]]) -> str:
    first = min(trials, key=lambda t: (t["collapsed"], -t["score"], t["candidate_key"]))
    return str(first["id"])


def test_asha_with_tpe_to_its_end(http: httpx.Client, animal_dataset: str) -> None:
    strategy = {
        "kind": "asha",
        "proposals": "tpe",
        "candidates": 11,
        "rungs": 2,
        "eta": 3,
        "concurrency": 3,
    }
    job = _start(http, animal_dataset, search_space="selfaugment", strategy=strategy, iterations=3)
    view = _completed(http, job)
    assert [(r["stage"], r["iterations"]) for r in view["rungs"]] == [("search", 1), ("search", 3)]
    trials = _trials(http, job)
    first = {t["candidate_key"] for t in trials if t["iterations"] == 1}
    last = {t["candidate_key"] for t in trials if t["iterations"] == 3}
    assert len(first) == len(BASELINES) + 11
    assert last < first
    assert len(last) >= len(BASELINES) + 4, "the best third at least, all baselines beside them"
    assert {e["name"] for e in view["ranking"] if e["iterations"] == 3} > BASELINE_NAMES
    policy = _policy(http, job)
    assert policy["selection"]["provenance"]["strategy"]["proposals"] == "tpe"


@pytest.mark.parametrize("criterion", ["infonce", "rankme"])
def test_any_criterion_may_rank(http: httpx.Client, animal_dataset: str, criterion: str) -> None:
    candidates = [{"name": "own", "views": [[{"op": "invert", "probability": 0.5}]]}]
    scoring = {**SMALL["scoring"], "criterion": criterion}
    job = _start(
        http, animal_dataset, strategy={"kind": "list", "candidates": candidates}, scoring=scoring
    )
    view = _completed(http, job)
    assert view["criterion"] == criterion
    scores = []
    for summary in _trials(http, job):
        trial = http.get(f"/v1/trials/{summary['id']}").json()
        metrics = trial["metrics"]
        assert metrics.keys() >= {
            "rotation",
            "infonce",
            "alignment",
            "uniformity",
            "rankme",
            "feature_std",
        }
        sign = -1 if criterion == "infonce" else 1
        assert trial["score"] == pytest.approx(sign * metrics[criterion])
        if not trial["collapsed"]:
            scores.append(trial["score"])
    ranked = [e["score"] for e in view["ranking"] if not e["collapsed"]]
    assert ranked == pytest.approx(sorted(scores, reverse=True))


def _found(http: httpx.Client, job: str) -> dict[str, Any]:
    """What a density search measured and chose, without times and ids."""
    losses = {}
    for summary in _trials(http, job):
        if summary["task"].startswith(("fold", "density")):
            trial = http.get(f"/v1/trials/{summary['id']}").json()
            losses[summary["task"]] = trial["metrics"]
    view = http.get(f"/v1/jobs/{job}/dashboard").json()
    ranking = [(e["candidate"], e["score"], e["reported"]) for e in view["ranking"]]
    policy = _policy(http, job)
    return {"losses": losses, "ranking": ranking, "views": policy["views"], "name": policy["name"]}


def test_a_worker_killed_amid_a_density_search_changes_nothing(
    http: httpx.Client, animal_dataset: str
) -> None:
    """The same losses to the last digit, the same ranking, the same policy."""
    search = {"search_space": THREE, "strategy": {**DENSITY, "images": 50, "passes": 8}}
    undisturbed = _start(http, animal_dataset, **search)
    _completed(http, undisturbed)
    job = _start(http, animal_dataset, **search)

    def scoring() -> Any:
        running = _trials(http, job, state="running")
        return next((t for t in running if t["task"].startswith("density")), None)

    trial = until(scoring, period=0.05)
    os.kill(int(trial["worker"].split("/")[1]), signal.SIGKILL)
    _completed(http, job)
    again = http.get(f"/v1/trials/{trial['id']}").json()
    assert (again["state"], again["attempt"]) == ("completed", 2)
    assert _found(http, job) == _found(http, undisturbed)
