"""The FastAPI application: `uvicorn api.app:create_app --factory`."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from api import problems
from api.limits import Limits
from api.routes import cards, dashboard, datasets, health, jobs, policies, search_spaces, trials
from api.sweeper import Sweeper
from core.datasets import pool
from core.queue import broker_url
from core.settings import get_settings
from core.store.database import get_engine
from core.store.schema import check

_DESCRIPTION = """
Chooses an augmentation policy for self-supervised pretraining, without labels.

Upload images, start a job, watch its dashboard, download the policy.
Errors are `application/problem+json` with a stable `code`.
"""


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    settings = get_settings()
    broker_url(settings)  # refuse to start without one, rather than accept jobs nobody runs
    check(get_engine())
    sweeper = Sweeper(settings)
    sweeper.start()
    try:
        yield
    finally:
        sweeper.stop()
        pool.shutdown()
        get_engine().dispose()


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0] if route.tags else 'api'}_{route.name}".replace(" ", "_")


def create_app() -> FastAPI:
    """The application; the database must be migrated (`quarterturn migrate`)."""
    settings = get_settings()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    app = FastAPI(
        title="Quarterturn",
        description=_DESCRIPTION,
        version=version("quarterturn"),
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
    )
    problems.install(app)
    app.add_middleware(Limits, settings=settings)
    for module in (datasets, search_spaces, jobs, policies, cards, dashboard, trials, health):
        app.include_router(module.router)
    static = Path(__file__).parent / "pages" / "static"
    app.mount("/static", StaticFiles(directory=static), name="static")
    return app
