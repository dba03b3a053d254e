"""Requests made from the OpenAPI: whatever is sent, answers are those that it promises.

Documents of searches and policies are long; made at random they are refused at once, and making
them takes minutes. Here the body of a job has its short fields only; long documents are tested by
`tests/space`, `tests/policy` and `tests/fuzz`.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from sqlalchemy import update

from core.jobs.create import find_job
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Checkpoint, Trial, new_id
from tests.access.conftest import MakeKey, app, make_key  # noqa: F401 - fixtures
from tests.store.rows import make_job

_EXAMPLES = 4
_CHECKS = (
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def _prepared(document: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """The same OpenAPI with ids that exist beside one that does not, and a short body of jobs."""
    document = copy.deepcopy(document)
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in ids:
                    parameter["schema"] = {"enum": [ids[parameter["name"]], "nobodys"]}
    content = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    fields = content["schema"]["properties"]
    content["schema"] = {
        **content["schema"],
        "properties": {
            **{name: field for name, field in fields.items() if "$ref" not in str(field)},
            "dataset_id": {"enum": [ids["dataset_id"], "nobodys"]},
        },
    }
    return document


@pytest.fixture
def ids(database: Settings) -> dict[str, str]:
    """One of each: a job that has ended, so that it can be read in many ways, with its trials."""
    job, trials = make_job(database)
    checkpoint = Checkpoint(
        id=new_id("ckpt"),
        name="weights",
        state="ready",
        digest="c" * 64,
        encoder="resnet_tiny",
        tensors=1,
        size_bytes=1,
        source={},
        reports=[],
    )
    with session_scope() as session:
        session.add(checkpoint)
        session.execute(update(Trial).values(dispatched_at=Trial.created_at))
        dataset = find_job(session, job).dataset_id
    return {
        "job_id": job,
        "trial_id": trials[0],
        "dataset_id": dataset,
        "checkpoint_id": checkpoint.id,
        "key_id": "key_none",
    }


def test_answers_are_those_that_the_openapi_promises(
    app: FastAPI,  # noqa: F811
    make_key: MakeKey,  # noqa: F811
    ids: dict[str, str],
) -> None:
    load_all_checks()
    checks = [CHECKS.get_one(name) for name in _CHECKS]
    schema = schemathesis.openapi.from_dict(_prepared(app.openapi(), ids))
    schema.app = app
    headers = {"Authorization": f"Bearer {make_key(scopes=['read', 'write', 'admin'])}"}
    walked = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=_EXAMPLES,
            phases=[Phase.explicit, Phase.generate],
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers=headers)
            case.validate_response(answer, checks=checks)
            assert answer.status_code < 500 or case.operation.path == "/readyz"

        ask()
        walked += 1
    assert walked == sum(len(methods) for methods in app.openapi()["paths"].values())
