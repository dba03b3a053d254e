"""What routes depend on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool
from sqlalchemy.orm import Session

from api.gate import SAFE
from core.access.keys import Caller
from core.settings import Settings, get_settings
from core.store.database import session_scope, statement_scope


# Not in threads: changing threads costs more than these do.
async def _caller(request: Request) -> Caller:
    caller = request.state.caller  # by the gate; without one nothing is answered
    assert isinstance(caller, Caller)
    return caller


async def _settings() -> Settings:
    return get_settings()


CallerDep = Annotated[Caller, Depends(_caller)]


async def _session(request: Request, caller: CallerDep) -> AsyncIterator[Session]:
    if request.method in SAFE:
        # Neither to make nor to leave it asks the database anything, so that no thread is needed.
        with statement_scope(caller.owner) as session:
            yield session
        return
    async with contextmanager_in_threadpool(session_scope(caller.owner)) as session:
        yield session


#: For reading what the caller owns: ends after the response is built.
SessionDep = Annotated[Session, Depends(_session)]
SettingsDep = Annotated[Settings, Depends(_settings)]
