"""/v1/keys, for keys with the scope `admin`"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from api.deps import SessionDep
from api.paging import After, Limit, newest_first
from api.problems import responses
from api.schemas import Body, Page
from core.access.keys import OWNER, Scope, create_key, revoke_key
from core.store.database import session_scope
from core.store.owned import LOCAL
from core.store.tables import ApiKey
from quarterturn.validation import Document

router = APIRouter(prefix="/v1/keys", tags=["keys"])


class KeyRequest(Document):
    """A key to be made."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(examples=["laptop"])
    owner: Annotated[str, Field(pattern=OWNER)] = Field(
        default=LOCAL, description="Whose datasets and jobs the key reaches."
    )
    scopes: list[Scope] = Field(default=["read", "write"], min_length=1, max_length=3)
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class KeyBody(Body):
    """A key, without its secret."""

    id: str = Field(examples=["key_0198a1b2c3d4e5f60718"])
    name: str
    owner: str
    prefix: str = Field(description="How the key begins, to tell keys apart.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To within five minutes.")


class NewKey(KeyBody):
    """A new key."""

    key: str = Field(description="The key itself; it is shown this once.")


@router.post("", status_code=201, response_model=NewKey, responses=responses(400, 422))
def create(body: KeyRequest) -> NewKey:
    """Make a key. It is shown in this answer only."""
    with session_scope() as session:
        row, token = create_key(
            session,
            body.name,
            owner=body.owner,
            scopes=body.scopes,
            expires_in_days=body.expires_in_days,
        )
        shown = KeyBody.model_validate(row)
    return NewKey(**shown.model_dump(), key=token)


@router.get("", response_model=Page[KeyBody])
def index(session: SessionDep, limit: Limit = 50, after: After = None) -> dict[str, Any]:
    """Keys of all owners, newest first; revoked ones too."""
    return newest_first(session, select(ApiKey), ApiKey, limit, after)


@router.delete("/{key_id}", status_code=204, responses=responses(404))
def revoke(key_id: str) -> None:
    """Revoke a key, at once and for good. Twice is the same as once."""
    with session_scope() as session:
        revoke_key(session, key_id)
