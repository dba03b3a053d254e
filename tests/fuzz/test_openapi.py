"""Schemathesis: a bounded number of examples of every operation, with and without a key."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from core.access.keys import create_key
from core.settings import Settings, get_settings
from core.store.database import session_scope
from tests.store.rows import make_job

_EXAMPLES = 8
_CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
]
_bounded = settings(
    max_examples=_EXAMPLES, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def key(database: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key for everything, and a job to be found."""
    for limit in ("KEY", "ADDRESS"):
        monkeypatch.setenv(f"QUARTERTURN_RATE_LIMIT_PER_{limit}", "")
    monkeypatch.setenv("QUARTERTURN_RATE_LIMIT_WRITES_PER_KEY", "")
    get_settings.cache_clear()
    make_job(get_settings())
    schema.app = create_app()
    with session_scope() as session:
        return create_key(session, "fuzz", scopes=["read", "write", "admin"])[1]


#: Without /readyz, which rightly answers 503 where no worker runs.
schema = schemathesis.openapi.from_dict(create_app().openapi()).exclude(path="/readyz")


@pytest.mark.skip("not finished: it does not end within its time")
@schema.parametrize()
@_bounded
def test_every_operation(case: schemathesis.Case, key: str) -> None:
    case.call_and_validate(
        base_url="http://127.0.0.1",
        headers={"Authorization": f"Bearer {key}"},
        checks=_CHECKS,
    )
