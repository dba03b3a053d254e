"""What routes depend on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session

from core.settings import Settings, get_settings
from core.store.database import session_scope


def _session() -> Iterator[Session]:
    with session_scope() as session:
        yield session


#: For reading: ends after the response is built.
SessionDep = Annotated[Session, Depends(_session)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
