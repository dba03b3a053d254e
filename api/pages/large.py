"""Large jobs: what takes seconds to make is made in a process of its own, so that whoever asks for
something small need not wait for it; and it is kept here for all who ask for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from concurrent.futures import TimeoutError
from concurrent.futures.process import BrokenProcessPool
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.pages.sharing import Shared
from core.aside import Aside
from core.errors import UnavailableError
from core.store.tables import Job, Trial

P = ParamSpec("P")
T = TypeVar("T")

#: More trials than this are many. Their number never falls.
LARGE = 1500
_PATIENCE_SECONDS = 60.0
_OLDEST_SECONDS = 10.0
_aside = Aside()
_shared: Shared[Any] = Shared(kept=256, oldest=_OLDEST_SECONDS)
_large: set[str] = set()
_asked = itertools.count()


def is_large(session: Session, job_id: str) -> bool:
    """Whether a job has so many trials that its pages are made aside."""
    if job_id not in _large:
        some = select(Trial.id).where(Trial.job_id == job_id).limit(LARGE + 1).subquery()
        if (session.scalar(select(func.count()).select_from(some)) or 0) <= LARGE:
            return False
        _large.add(job_id)
    return True


def made(session: Session, job: Job, function: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T:
    """What a function of a module returns; of a large job from the other process, or what it
    returned a moment ago. Of another state of the job it is made anew.

    Args:
        function: takes ids, and opens a session of its own.

    Raises:
        UnavailableError: `page_unavailable`.
    """
    if not is_large(session, job.id):
        return function(*args, **kw)
    return made_aside(job.state, function, *args, **kw)


def made_aside(state: str, function: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T:
    """The same of a job that is known to be large, and in that state."""

    def make() -> T:
        try:
            return _aside.submit(function, *args, **kw).result(_PATIENCE_SECONDS)
        except (BrokenProcessPool, TimeoutError):
            shutdown()
            raise UnavailableError(
                "This job is large, and what you asked for could not be made just now. Try again "
                "in a moment.",
                code="page_unavailable",
            ) from None

    key: Hashable = (function, args, tuple(kw.items()))
    found: T = _shared.get(key, _no_version(), state, make)
    return found


def at_hand(state: str, function: Callable[P, T], *args: P.args, **kw: P.kwargs) -> list[T]:
    """What `made_aside` would give at once; nothing if one would have to wait for it."""
    key: Hashable = (function, args, tuple(kw.items()))
    return _shared.at_hand(key, _no_version(), state)


def _no_version() -> str:
    # Whether something is still current is known there; here only time counts.
    return f"never the same {next(_asked)}"


def shutdown() -> None:
    """End the process; the next page of a large job starts another."""
    _aside.shutdown()
