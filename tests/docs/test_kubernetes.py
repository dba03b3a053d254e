"""The manifests of deploy/kubernetes: read, and compared with one another and with the service."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from api.app import create_app
from core.settings import Settings
from tests.docs.texts import ROOT

_FOLDER = ROOT / "deploy" / "kubernetes"


def _documents() -> list[dict[str, Any]]:
    named = yaml.safe_load((_FOLDER / "kustomization.yaml").read_text())["resources"]
    assert set(named) == {
        path.name for path in _FOLDER.glob("*.yaml") if path.name != "kustomization.yaml"
    }
    return [
        document for name in named for document in yaml.safe_load_all((_FOLDER / name).read_text())
    ]


def _of(kind: str) -> list[dict[str, Any]]:
    return [document for document in _documents() if document["kind"] == kind]


_PODS = [*_of("Deployment"), *_of("Job")]


@pytest.mark.parametrize("document", _PODS, ids=lambda d: d["metadata"]["name"])
def test_pods_may_do_no_more_than_they_need(document: dict[str, Any]) -> None:
    pod = document["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
        assert mounted == {volume["name"] for volume in pod.get("volumes", [])}
        assert {next(iter(source.values()))["name"] for source in container["envFrom"]} == {
            "quarterturn"
        }


def test_labels_and_references_agree() -> None:
    pods = {d["metadata"]["name"]: d["spec"]["template"]["metadata"]["labels"] for d in _PODS}
    for document in _of("Deployment"):
        assert document["spec"]["selector"]["matchLabels"] == pods[document["metadata"]["name"]]
    labels = list(pods.values())
    for document in _of("Service"):
        assert document["spec"]["selector"] in labels
    scaled = {d["spec"]["scaleTargetRef"]["name"] for d in _of("ScaledObject")}
    assert scaled == {"quarterturn-worker-gpu"} <= set(pods)
    (ingress,) = _of("Ingress")
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
    assert backend in {d["metadata"]["name"] for d in _of("Service")}


def test_probes_ask_what_there_is() -> None:
    paths = set(create_app().openapi()["paths"])
    (api,) = [d for d in _of("Deployment") if d["metadata"]["name"] == "quarterturn-api"]
    container = api["spec"]["template"]["spec"]["containers"][0]
    asked = {name: container[name]["httpGet"]["path"] for name in container if "Probe" in name}
    assert asked == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    assert set(asked.values()) <= paths
    for worker in _of("Deployment"):
        probe = worker["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]
        if "exec" in probe:
            compile(probe["exec"]["command"][-1], "probe", "exec")


def test_settings_are_those_of_the_service() -> None:
    (settings,) = _of("ConfigMap")
    known = {f"QUARTERTURN_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in settings["data"] if name.startswith("QUARTERTURN_")} <= known
    assert "FORWARDED_ALLOW_IPS" in settings["data"]


def test_scaling_counts_what_a_gpu_may_take(database: Settings) -> None:
    """The query of the trigger, on the tables that there are."""
    from sqlalchemy import text

    from core.store.database import session_scope
    from tests.store.rows import make_job

    (scaled,) = _of("ScaledObject")
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    _, first = make_job(database)
    make_job(database, worker={"device": "cpu"})
    _, second = make_job(database, worker={"device": "cuda"})
    with session_scope() as session:
        assert session.scalar(text(query)) == len(first) + len(second)
