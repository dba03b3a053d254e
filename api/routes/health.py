"""Health of the service."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from api.deps import SettingsDep
from core.jobs.workers import workers_seen
from core.messages import queue_length
from core.store.database import get_engine, statement_scope
from core.store.schema import check
from quarterturn.errors import QuarterturnError

router = APIRouter(tags=["health"])


class Ready(BaseModel):
    """What the service needs, each `ok` or what is wrong."""

    ready: bool
    database: str
    broker: str
    workers: str


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Alive."""
    return {"status": "alive"}


@router.get("/livez")
def livez() -> dict[str, str]:
    """Alive; the same as `/healthz`."""
    return healthz()


@router.get("/readyz", response_model=Ready, responses={503: {"model": Ready}})
def readyz(
    response: Response,
    settings: SettingsDep,
    workers: Annotated[bool, Query(description="Whether a worker is needed too.")] = False,
) -> Ready:
    """Ready to answer: database at the right schema, and broker. Whether a worker was seen within
    half a minute is said, and decides only if it is asked for.
    """
    answer = Ready(ready=False, database="ok", broker="ok", workers="ok")
    try:
        check(get_engine())
        with statement_scope() as session:
            if not workers_seen(session):
                answer.workers = "no worker was seen within 30 seconds; start one"
    except QuarterturnError as error:
        answer.database = error.message
    except SQLAlchemyError:
        answer.database = "does not answer"
    try:
        queue_length(settings)
    except (RedisError, QuarterturnError):
        answer.broker = "does not answer"
    answer.ready = answer.database == answer.broker == "ok"
    if workers:
        answer.ready = answer.ready and answer.workers == "ok"
    response.status_code = 200 if answer.ready else 503
    return answer
