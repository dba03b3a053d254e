"""What routes depend on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from core.access.keys import Caller
from core.settings import Settings, get_settings
from core.store.database import session_scope


# Not in threads: changing threads costs more than these do.
async def _caller(request: Request) -> Caller:
    caller = request.state.caller  # by the gate; without one nothing is answered
    assert isinstance(caller, Caller)
    return caller


async def _settings() -> Settings:
    return get_settings()


CallerDep = Annotated[Caller, Depends(_caller)]


def _session(caller: CallerDep) -> Iterator[Session]:
    with session_scope(caller.owner) as session:
        yield session


#: For reading what the caller owns: ends after the response is built.
SessionDep = Annotated[Session, Depends(_session)]
SettingsDep = Annotated[Settings, Depends(_settings)]
