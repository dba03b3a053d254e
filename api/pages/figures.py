"""Figures as they are asked for: drawn once for all who look, while nothing has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict

from sqlalchemy.orm import Session

from core.charts.figure import Figure
from core.jobs.figures import FIGURES, figure
from core.jobs.pulse import Pulse
from core.store.tables import Job

_KEPT = 128
#: Drawn from trials that run too.
_MOVING = ("timeline", "survival")

_Key = tuple[str, str, str]
_lock = threading.Lock()
_drawn: OrderedDict[_Key, Figure] = OrderedDict()
_drawing: dict[_Key, threading.Lock] = {}


def cached_figure(session: Session, job: Job, name: str, pulse: Pulse) -> Figure:
    """The figure of a job with this pulse; those who ask at the same time wait for one drawing.

    Raises:
        NotFoundError: `figure_not_found`.
    """
    if name not in FIGURES:
        return figure(session, job, name)
    key = (job.id, name, pulse.now if name in _MOVING else pulse.scored)
    with _lock:
        found = _drawn.get(key)
        if found is not None:
            _drawn.move_to_end(key)
            return found
        drawing = _drawing.setdefault(key, threading.Lock())
    with drawing:
        with _lock:
            if key in _drawn:
                return _drawn[key]
        made = figure(session, job, name)
        with _lock:
            _drawn[key] = made
            _drawing.pop(key, None)
            while len(_drawn) > _KEPT:
                _drawn.popitem(last=False)
    return made
