"""Clients made from the OpenAPI by others' generators start a job, poll it and fetch its policy."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Job
from quarterturn.policy.recipes import moco_v2
from tests.access.conftest import MakeClient
from tests.store.rows import make_dataset

_TYPESCRIPT = Path(__file__).with_name("generated.ts")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    from api.app import create_app

    return create_app().openapi()


@pytest.fixture(scope="module")
def generated(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the package that openapi-python-client makes; every operation is in it."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(document))
    command = ["-m", "openapi_python_client", "generate", "--path", "openapi.json"]
    made = subprocess.run(
        [sys.executable, *command, "--output-path", "made_client", "--meta", "none"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = made.stdout + made.stderr
    assert made.returncode == 0, said
    assert "will not be generated" not in said
    assert "Unable to process schema" not in said
    sys.path.insert(0, str(folder))
    return "made_client"


def _call(generated: str, tag: str, name: str) -> Any:
    return importlib.import_module(f"{generated}.api.{tag}.{name}")


def test_every_operation_becomes_a_function(generated: str, document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            tag = operation["tags"][0].replace("-", "_").replace(" ", "_")
            name = operation["operationId"].replace("-", "_")
            assert hasattr(_call(generated, tag, name), "sync_detailed")


def test_python_starts_a_job_polls_and_downloads(
    generated: str, database: Settings, client_with: MakeClient
) -> None:
    package = importlib.import_module(generated)
    models = importlib.import_module(f"{generated}.models")
    client = package.Client(base_url="http://127.0.0.1:8000")
    client.set_httpx_client(client_with())
    body = models.JobsCreateBody(
        dataset_id=make_dataset(),
        strategy=models.RandomStrategy(candidates=2, kind="random"),
        budget=models.Budget(trials=3),
        iterations=4,
        seeds=1,
    )
    job = _call(generated, "jobs", "jobs_create").sync(client=client, body=body)
    assert job.state == "queued"
    assert job.spec["strategy"]["candidates"] == 2
    with session_scope() as session:
        session.execute(
            update(Job)
            .where(Job.id == job.id)
            .values(state="completed", policy=moco_v2().to_document())
        )
    polled = _call(generated, "jobs", "jobs_read").sync(job.id, client=client)
    assert polled.state == "completed"
    file = _call(generated, "jobs", "jobs_policy").sync_detailed(job.id, client=client)
    assert json.loads(file.content)["name"] == "moco_v2"
    listed = _call(generated, "jobs", "jobs_index").sync(client=client)
    assert [item.id for item in listed.items] == [job.id]
    refused = _call(generated, "jobs", "jobs_read").sync("job_none", client=client)
    assert refused.code == "job_not_found"


@pytest.mark.skipif(shutil.which("npx") is None, reason="there is no Node.js")
def test_typescript_accepts_a_program_and_refuses_a_wrong_one(
    document: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    packages = ["openapi-typescript@7", "openapi-fetch@0", "typescript@5"]
    got = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", *packages], cwd=tmp_path, check=False
    )
    if got.returncode:
        pytest.skip("the registry of npm cannot be reached")
    subprocess.run(
        ["npx", "openapi-typescript", "openapi.json", "-o", "schema.d.ts"], cwd=tmp_path, check=True
    )
    program = _TYPESCRIPT.read_text()
    check = ["npx", "tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"]
    for text, fine in ((program, True), (program.replace("iterations:", "iteratons:"), False)):
        (tmp_path / "program.ts").write_text(text)
        ended = subprocess.run(
            [*check, "program.ts"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (ended.returncode == 0) == fine, ended.stdout
