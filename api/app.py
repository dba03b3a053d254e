"""The FastAPI application: `uvicorn api.app:create_app --factory`."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from api import problems
from api.asked import warm_up
from api.conditional import Conditional
from api.description import describe_access
from api.filters import refuse_unknown
from api.gate import Gate
from api.headers import Headers
from api.idempotent import Idempotent
from api.json_bodies import JsonBodies
from api.limits import Limits
from api.live.fresh import Fresh
from api.pages import docs, large
from api.planned import ClientLeftError, Planned, nobody
from api.requests import Requests
from api.routes import (
    candidates,
    cards,
    checkpoints,
    dashboard,
    datasets,
    encoders,
    events,
    figures,
    health,
    home,
    job_changes,
    jobs,
    keys,
    metrics,
    pages,
    policies,
    previews,
    rankings,
    search_spaces,
    sign_in,
    trials,
)
from api.sweeper import Sweeper
from core import logs, planner
from core.access.binding import require_keys
from core.previews import process
from core.queue import broker_url
from core.settings import get_settings
from core.store.database import get_engine
from core.store.schema import check
from quarterturn.data import pool

_DESCRIPTION = """
Chooses an augmentation policy for self-supervised pretraining, without labels.

Upload images, start a job, watch its dashboard, download the policy.
Errors are `application/problem+json` with a stable `code`.
"""


def _keep_what_is_loaded() -> None:
    """Let the collector of garbage leave alone what the process consists of: to look through it
    holds up all requests for a third of a second and more.
    """
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    settings = get_settings()
    if not logging.getLogger().handlers:  # started by something else than `quarterturn api`
        logs.configure(settings, "api")
    broker_url(settings)  # refuse to start without one, rather than accept jobs nobody runs
    check(get_engine())
    require_keys(settings.host, get_engine())
    _keep_what_is_loaded()
    planner.submit(warm_up)
    sweeper = Sweeper(settings)
    sweeper.start()
    try:
        yield
    finally:
        sweeper.stop()
        pool.shutdown()
        process.shutdown()
        large.shutdown()
        get_engine().dispose()


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0] if route.tags else 'api'}_{route.name}".replace(" ", "_")


def create_app() -> FastAPI:
    """The application; the database must be migrated (`quarterturn migrate`)."""
    settings = get_settings()
    app = FastAPI(
        title="Quarterturn",
        description=_DESCRIPTION,
        version=version("quarterturn"),
        lifespan=_lifespan,
        docs_url=None,  # api.pages.docs has one that needs no network
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    problems.install(app)
    app.add_exception_handler(ClientLeftError, nobody)
    app.state.planned = Planned()
    # The last is the first that a request meets.
    app.add_middleware(Conditional)
    app.add_middleware(Idempotent)
    app.add_middleware(
        GZipMiddleware,
        minimum_size=1000,
        compresslevel=5,  # of JSON nearly as small as 9, in a third of the time
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/octet-stream"),
    )
    app.add_middleware(Fresh)
    app.add_middleware(JsonBodies)
    app.add_middleware(Limits, settings=settings)
    app.add_middleware(Gate, settings=settings)
    if settings.cors_origins:
        # Before the gate: what a browser asks first carries no key.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"],
            expose_headers=["ETag", "Location", "Retry-After", "Content-Disposition"],
        )
    app.add_middleware(Headers)
    app.add_middleware(Requests)
    for module in (
        datasets,
        previews,
        checkpoints,
        search_spaces,
        job_changes,
        jobs,
        policies,
        candidates,
        cards,
        encoders,
        dashboard,
        rankings,
        figures,
        events,
        trials,
        home,
        pages,
        keys,
        sign_in,
        docs,
        health,
        metrics,
    ):
        app.include_router(module.router, dependencies=[Depends(refuse_unknown)])
    app.mount("/static/swagger", StaticFiles(directory=docs.swagger_files()), name="swagger")
    static = Path(__file__).parent / "pages" / "static"
    app.mount("/static", StaticFiles(directory=static), name="static")
    describe_access(app)
    return app
