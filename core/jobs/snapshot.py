"""Dashboards for many readers: one computes, the others are given what is a moment old.

See `core.sharing` for how old one may be, ten seconds at the most. Whatever a state changes is seen
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from core.jobs.progress import dashboard
from core.jobs.pulse import Pulse, pulse_of
from core.sharing import Shared
from core.store.tables import Job

T = TypeVar("T")
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


_shared: Shared[Snapshot] = Shared(kept=_JOBS_KEPT, oldest=_OLDEST_SECONDS)


def snapshot(session: Session, job: Job, pulse: Pulse | None = None) -> Snapshot:
    """The dashboard of a job as it is, or was a moment ago.

    Args:
        pulse: of the job now, if the caller has it: as long as it beats the same, nothing is made
            anew.
    """

    def make() -> Snapshot:
        before = pulse or pulse_of(session, job.id)
        assert before is not None
        return Snapshot(dashboard(session, job), before)

    stand = (job.state, job.reason, job.finished_at, job.encoder is not None)
    return _shared.get(job.id, pulse.now if pulse else None, stand, make)
