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
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from core.jobs.progress import dashboard
from core.jobs.pulse import Pulse, pulse_of
from core.store.tables import Job

T = TypeVar("T")
_SHARE = 20.0
_OLDEST_SECONDS = 10.0
_JOBS_KEPT = 64
_FORMS_KEPT = 16
#: Lines of the ranking that a dashboard has; `GET /v1/jobs/{id}/ranking` has all, by pages.
LINES = 100


class Snapshot:
    """A dashboard, and what was made of it for those who look at it. Nothing of it is changed.

    Attributes:
        whole: all of it.
        view: with the first lines of the rankings only.
        ranking: all lines.
        pulse: of the job before it was made; what changed since may be in it or not.
    """

    def __init__(self, view: dict[str, Any], pulse: Pulse) -> None:
        self.whole, self.pulse = view, pulse
        self.ranking: list[dict[str, Any]] = view["ranking"]
        self.view = {
            **view,
            "ranking": view["ranking"][:LINES],
            "ranking_left_out": max(0, len(view["ranking"]) - LINES),
            "base_ranking": view["base_ranking"][:LINES],
        }
        self._made: dict[Hashable, Any] = {}

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives: a page, or JSON. The second who asks gets the same."""
        found: T | None = self._made.get(name)
        if found is None:
            if len(self._made) >= _FORMS_KEPT:
                self._made.clear()
            found = self._made[name] = make()
        return found


@dataclass
class _Kept:
    stand: tuple[Any, ...] = ()
    found: Snapshot | None = None
    until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serves(self, pulse: Pulse | None) -> Snapshot | None:
        """What there is, if it is new enough, or if nothing has changed since."""
        found = self.found
        same = pulse is not None and found is not None and found.pulse.now == pulse.now
        return found if same or time.monotonic() < self.until else None


_kept: OrderedDict[str, _Kept] = OrderedDict()
_guard = threading.Lock()


def _place(job_id: str) -> _Kept:
    with _guard:
        place = _kept.setdefault(job_id, _Kept())
        _kept.move_to_end(job_id)
        while len(_kept) > _JOBS_KEPT:
            _kept.popitem(last=False)
        return place


def snapshot(session: Session, job: Job, pulse: Pulse | None = None) -> Snapshot:
    """The dashboard of a job as it is, or was a moment ago.

    Args:
        pulse: of the job now, if the caller has it: as long as it beats the same, nothing is made
            anew.
    """
    place = _place(job.id)
    stand = (job.state, job.reason, job.finished_at, job.encoder is not None)
    old = place.found if place.stand == stand else None
    if old is not None and (found := place.serves(pulse)) is not None:
        return found
    # Who finds another at work takes what there is, unless that is of another state.
    if not place.lock.acquire(blocking=old is None) and old is not None:
        return old
    try:
        if place.stand == stand and (found := place.serves(pulse)) is not None:
            return found
        begun = time.monotonic()
        before = pulse or pulse_of(session, job.id)
        assert before is not None
        found = Snapshot(dashboard(session, job), before)
        took = time.monotonic() - begun
        place.stand, place.found = stand, found
        place.until = time.monotonic() + min(_OLDEST_SECONDS, _SHARE * took)
        return found
    finally:
        place.lock.release()
