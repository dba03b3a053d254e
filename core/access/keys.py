"""API keys: making, checking, revoking.

A key is `qt_` and 32 random bytes, so a plain SHA-256 is all the hashing it needs: there is nothing
to guess. Rows are kept when a key is revoked: a server that once had keys never opens again.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from core.store.owned import LOCAL
from core.store.tables import ApiKey, new_id
from quarterturn.errors import InvalidInputError, NotFoundError, UnauthorizedError

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[str, ...] = get_args(Scope)
#: What a person may be called; it is data, but also part of names in Redis.
OWNER = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
_PREFIX = 11
_LAST_USED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class Caller:
    """Who asks. `key_id` is None while no keys are configured."""

    owner: str
    scopes: frozenset[str]
    key_id: str | None = None
    by_cookie: bool = False
    expires_at: datetime | None = None


#: On loopback, before the first key is made. Keys are then made on the command line only.
KEYLESS = Caller(LOCAL, frozenset({"read", "write"}))


def keys_exist(session: Session) -> bool:
    """Whether a key was ever made."""
    return session.scalar(select(select(ApiKey.id).exists())) or False


def digest_of(token: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def create_key(
    session: Session,
    name: str,
    *,
    owner: str = LOCAL,
    scopes: Iterable[str] = ("read", "write"),
    expires_in_days: int | None = None,
) -> tuple[ApiKey, str]:
    """Make a key.

    Returns:
        The record, and the key itself, which cannot be had again.

    Raises:
        InvalidInputError: `invalid_key`.
    """
    wanted = set(scopes)
    problem = None
    if not 0 < len(name) <= 200:
        problem = "The name must have 1 to 200 characters."
    elif re.match(OWNER, owner) is None or owner.endswith("\n"):
        problem = "The owner must be 1 to 64 letters, digits or any of . _ @ -, the first no sign."
    elif not wanted or not wanted <= set(SCOPES):
        problem = f"The scopes must be one or more of {', '.join(SCOPES)}."
    elif expires_in_days is not None and not 1 <= expires_in_days <= 3650:
        problem = "The key must expire in 1 to 3,650 days, or never."
    if problem:
        raise InvalidInputError(problem, code="invalid_key")
    now: datetime = session.execute(select(func.now())).scalar_one()
    token = "qt_" + secrets.token_urlsafe(32)
    key = ApiKey(
        id=new_id("key"),
        name=name,
        owner=owner,
        prefix=token[:_PREFIX],
        digest=digest_of(token),
        scopes=[scope for scope in SCOPES if scope in wanted],
        expires_at=now + timedelta(days=expires_in_days) if expires_in_days else None,
    )
    session.add(key)
    session.flush()
    session.refresh(key)
    return key, token


def revoke_key(session: Session, key_id: str) -> None:
    """Revoke a key at once and for good; twice is the same as once.

    Raises:
        NotFoundError: `key_not_found`.
    """
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFoundError(f"There is no key {key_id}.", code="key_not_found")
    if key.revoked_at is None:
        key.revoked_at = func.now()


_ABOUT = select(
    ApiKey.id,
    ApiKey.owner,
    ApiKey.scopes,
    ApiKey.expires_at,
    ApiKey.revoked_at,
    ApiKey.last_used_at,
    func.now().label("now"),
).where(ApiKey.digest == bindparam("digest"))


def authenticate(session: Session, token: str) -> Caller:
    """The caller with this key.

    Raises:
        UnauthorizedError: `key_unknown`, `key_revoked` or `key_expired`.
    """
    # Columns, not the entity: every request asks this.
    key = session.execute(_ABOUT, {"digest": digest_of(token)}).one_or_none()
    if key is None:
        raise UnauthorizedError(
            "This key is not known. Check that it is complete, or ask for another.",
            code="key_unknown",
        )
    now: datetime = key.now
    if key.revoked_at is not None:
        raise UnauthorizedError("This key was revoked. Ask for another.", code="key_revoked")
    if key.expires_at is not None and key.expires_at <= now:
        raise UnauthorizedError("This key has expired. Ask for another.", code="key_expired")
    if key.last_used_at is None or key.last_used_at < now - _LAST_USED_EVERY:
        # Sparsely: not every read should cost a write.
        session.execute(
            update(ApiKey)
            .where(ApiKey.id == key.id)
            .values(last_used_at=func.now())
            .execution_options(synchronize_session=False)
        )
    return Caller(key.owner, frozenset(key.scopes), key.id, expires_at=key.expires_at)


def keys_in_force(session: Session, key_ids: Iterable[str]) -> set[str]:
    """Those of the keys that are neither revoked nor expired, for requests that last."""
    rows = session.scalars(
        select(ApiKey.id).where(
            ApiKey.id.in_(list(key_ids)),
            ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
        )
    )
    return set(rows)
