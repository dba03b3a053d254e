"""The application in this process, on a fresh database, with keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from core.access.keys import create_key
from core.settings import Settings, get_settings
from core.store.database import session_scope

MakeKey = Callable[..., str]
MakeClient = Callable[..., TestClient]


@pytest.fixture
def make_key(database: Settings) -> MakeKey:
    """Makes a key; takes what `create_key` takes."""

    def make(name: str = "a key", **options: Any) -> str:
        with session_scope() as session:
            return create_key(session, name, **options)[1]

    return make


@pytest.fixture
def with_settings(database: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Changes settings for this test; before the application is made."""

    def change(**values: object) -> Settings:
        for name, value in values.items():
            monkeypatch.setenv(f"QUARTERTURN_{name.upper()}", str(value))
        get_settings.cache_clear()
        return get_settings()

    return change


@pytest.fixture
def app(database: Settings) -> FastAPI:
    return create_app()


@pytest.fixture
def client_with(app: FastAPI) -> Iterator[MakeClient]:
    """Makes a client that sends this key, or none."""
    clients: list[TestClient] = []

    def make(key: str | None = None, **options: Any) -> TestClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        options = {"base_url": "http://127.0.0.1:8000", "follow_redirects": False, **options}
        clients.append(TestClient(app, headers=headers, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
