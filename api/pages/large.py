"""Large jobs: what takes seconds to make is made in a process of its own, so that whoever asks for
something small need not wait for it; and it is kept here for all who ask for it.

What was made is given out for twenty times as long as it took to make, five seconds at the most.
Who asks up to five seconds later is given it too, and sets off the next: only the first to ask
waits, and who asks after a change of the job's state. Over there what several pages are made from
may be ten seconds old (`core.jobs.snapshot`), so nothing is older than twenty.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from concurrent.futures import CancelledError, Future, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.aside import Aside
from core.store.tables import Job, Trial
from quarterturn.errors import UnavailableError

P = ParamSpec("P")
T = TypeVar("T")

#: More trials than this are many. They are numbered from 1, and their number never falls.
LARGE = 1500
_PATIENCE_SECONDS = 60.0
_SHARE, _OLDEST_SECONDS, _GRACE_SECONDS = 20.0, 5.0, 5.0
_KEPT = 64
_aside = Aside()
_large: set[str] = set()


@dataclass
class _Entry:
    """What was made last, of which state of the job, until when it is fresh; and what is being
    made.
    """

    made: tuple[Any] | None = None
    state: str = ""
    until: float = 0.0
    coming: Future[Any] | None = None
    coming_state: str = ""


_entries: OrderedDict[Hashable, _Entry] = OrderedDict()
_guard = threading.RLock()  # what is done already calls back at once


def large_among(session: Session, job_ids: Collection[str]) -> set[str]:
    """The jobs with so many trials that their pages are made aside."""
    unknown = [job_id for job_id in job_ids if job_id not in _large]
    if unknown:
        many = select(Trial.job_id).where(Trial.job_id.in_(unknown), Trial.number == LARGE + 1)
        _large.update(session.scalars(many))
    return _large.intersection(job_ids)


def is_large(session: Session, job_id: str) -> bool:
    """Whether a job has so many trials that its pages are made aside."""
    return bool(large_among(session, [job_id]))


def made(session: Session, job: Job, function: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T:
    """What a function of a module returns; of a large job from the other process, or what it
    returned a moment ago. Of another state of the job it is made anew.

    Args:
        session: of a request that only reads (`statement_scope`).
        function: takes ids, and opens a session of its own.

    Raises:
        UnavailableError: `page_unavailable`.
    """
    if not is_large(session, job.id):
        return function(*args, **kw)
    session.commit()  # gives its connection back: to wait for a page may take seconds
    return made_aside(job.state, function, *args, **kw)


def made_aside(state: str, function: Callable[P, T], *args: P.args, **kw: P.kwargs) -> T:
    """The same of a job that is known to be large, and in that state."""
    found = at_hand_or_coming(state, function, *args, **kw)
    return waited_for(found) if isinstance(found, Future) else found[0]


def waited_for(coming: Future[T]) -> T:
    """What is being made.

    Raises:
        UnavailableError: `page_unavailable`.
    """
    try:
        return coming.result(_PATIENCE_SECONDS)
    except (BrokenProcessPool, CancelledError, TimeoutError):
        shutdown()
        raise unavailable() from None


def unavailable() -> UnavailableError:
    """What to say if the process broke, or takes too long."""
    return UnavailableError(
        "This job is large, and what you asked for could not be made just now. Try again in a "
        "moment.",
        code="page_unavailable",
    )


def at_hand_or_coming(
    state: str, function: Callable[P, T], *args: P.args, **kw: P.kwargs
) -> tuple[T] | Future[T]:
    """What there is, in a tuple; else it is being made.

    Raises:
        UnavailableError: `page_unavailable`.
    """
    key: Hashable = (function, args, tuple(kw.items()))
    with _guard:
        entry = _entries.setdefault(key, _Entry())
        _entries.move_to_end(key)
        while len(_entries) > _KEPT:
            _entries.popitem(last=False)
        now = time.monotonic()
        ready = entry.made if entry.state == state else None
        if ready is not None and now < entry.until:
            return ready
        coming = entry.coming
        if coming is None or entry.coming_state != state:
            coming = _begun(entry, state, lambda: _aside.submit(function, *args, **kw))
        if ready is not None and now < entry.until + _GRACE_SECONDS:
            return ready
    return coming


def _begun(entry: _Entry, state: str, submit: Callable[[], Future[Any]]) -> Future[Any]:
    began = time.monotonic()
    try:
        coming = submit()
    except BrokenProcessPool:
        shutdown()
        raise unavailable() from None
    entry.coming, entry.coming_state = coming, state

    def keep(done: Future[Any]) -> None:
        with _guard:
            if entry.coming is not done:
                return  # of a state that has passed
            entry.coming = None
            if not done.cancelled() and done.exception() is None:
                now = time.monotonic()
                entry.made, entry.state = (done.result(),), state
                entry.until = now + min(_OLDEST_SECONDS, _SHARE * (now - began))

    coming.add_done_callback(keep)
    return coming


def shutdown() -> None:
    """End the process and forget what it made; the next page of a large job starts another."""
    _aside.shutdown()
    with _guard:
        _entries.clear()
