"""Dashboards for many readers: one computes, the others are given what is a moment old.

A dashboard may be twenty times as old as it took to compute, and ten seconds at the most: of a
small job that is a fraction of a second. So watching takes a twentieth of a core per job, however
many watch. Whatever a state changes is seen at once.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from core.jobs.progress import dashboard
from core.store.tables import Job

_SHARE = 20.0
_OLDEST_SECONDS = 10.0
_JOBS_KEPT = 64
_FORMS_KEPT = 16
#: Lines of the ranking that a dashboard has; `GET /v1/jobs/{id}/ranking` has all, by pages.
LINES = 100


class Snapshot:
    """A dashboard, and what was made of it for those who look at it. Nothing of it is changed."""

    def __init__(self, view: dict[str, Any]) -> None:
        self.ranking: list[dict[str, Any]] = view["ranking"]
        self.view = {
            **view,
            "ranking": view["ranking"][:LINES],
            "ranking_left_out": max(0, len(view["ranking"]) - LINES),
            "base_ranking": view["base_ranking"][:LINES],
        }
        self._made: dict[Hashable, bytes] = {}

    def once(self, name: Hashable, make: Callable[[], bytes]) -> bytes:
        """What `make` gives: a page, or JSON. The second who asks gets the same."""
        if name not in self._made:
            if len(self._made) >= _FORMS_KEPT:
                self._made.clear()
            self._made[name] = make()
            return self._made[name]
        return self._made[name]


@dataclass
class _Kept:
    stand: tuple[Any, ...] = ()
    found: Snapshot | None = None
    until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


_kept: OrderedDict[str, _Kept] = OrderedDict()
_guard = threading.Lock()


def _place(job_id: str) -> _Kept:
    with _guard:
        place = _kept.setdefault(job_id, _Kept())
        _kept.move_to_end(job_id)
        while len(_kept) > _JOBS_KEPT:
            _kept.popitem(last=False)
        return place


def snapshot(session: Session, job: Job) -> Snapshot:
    """The dashboard of a job as it is, or was a moment ago."""
    place = _place(job.id)
    stand = (job.state, job.reason, job.finished_at, job.encoder is not None)
    found = place.found if place.stand == stand else None
    if found is not None and time.monotonic() < place.until:
        return found
    # Who finds another at work takes what there is, unless that is of another state.
    if not place.lock.acquire(blocking=found is None) and found is not None:
        return found
    try:
        if place.stand == stand and place.found is not None and time.monotonic() < place.until:
            return place.found
        begun = time.monotonic()
        found = Snapshot(dashboard(session, job))
        took = time.monotonic() - begun
        place.stand, place.found = stand, found
        place.until = time.monotonic() + min(_OLDEST_SECONDS, _SHARE * took)
        return found
    finally:
        place.lock.release()
