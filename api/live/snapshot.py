"""What a job looks like at a moment, as pages and programs are told of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, TypeVar

from sqlalchemy.orm import Session
from sse_starlette import ServerSentEvent

from api.pages.job import PARTS, Place, context, parts
from api.pages.large import at_hand_or_coming, is_large, waited_for
from core.jobs.create import find_job, state_or_none
from core.jobs.pulse import Pulse, pulse_of
from core.jobs.snapshot import snapshot
from core.lifecycle import final
from core.store.database import statement_scope

K = TypeVar("K")
V = TypeVar("V")

_SUMMARY = (
    "job_id",
    "state",
    "message",
    "counts",
    "trials_total",
    "seconds_elapsed",
    "seconds_left",
    "workers",
    "best",
    "policy_ready",
)
_UPDATES_KEPT = 16
#: A stream that ended is opened again after so long.
_RETRY_MS = 2000


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=6).hexdigest()


def _once(kept: dict[K, V], key: K, make: Callable[[], V]) -> V:
    """What was made for the same before: most who watch saw the same."""
    if key not in kept:
        if len(kept) >= _UPDATES_KEPT:
            kept.clear()
        kept[key] = make()
    return kept[key]


@dataclass(frozen=True)
class Snapshot:
    """A job at a moment.

    Attributes:
        pulse: the version of everything.
        figures: the version of what figures are drawn from.
        summary: for programs.
        html: the parts of the page.
        token: the id of the event: digests of the parts, so that any server can tell what is new
            to somebody who saw them.
    """

    pulse: str
    figures: str
    summary: dict[str, Any]
    html: dict[str, str]
    token: str
    _updates: dict[tuple[str | None, bool], str | None] = field(default_factory=dict, repr=False)
    _events: dict[tuple[str | None, bool], bytes | None] = field(default_factory=dict, repr=False)

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.summary["state"] in final("jobs")

    def _since(self, token: str | None, html: bool) -> dict[str, Any] | None:
        if token == self.token:
            return None
        known = (token or "").split(".")
        update: dict[str, Any] = {"job": self.summary, "figures": self.figures}
        if html:
            same = known[2:] if len(known) == 2 + len(PARTS) else [""] * len(PARTS)
            now = self.token.split(".")[2:]
            update["parts"] = {
                name: self.html[name]
                for name, old, new in zip(PARTS, same, now, strict=True)
                if old != new
            }
        return update

    def since(self, token: str | None, *, html: bool) -> str | None:
        """What has changed since the event of that id, as JSON; None if nothing has."""

        def make() -> str | None:
            update = self._since(token, html)
            return None if update is None else json.dumps(update)

        return _once(self._updates, (token, html), make)

    def event_since(self, token: str | None, *, html: bool) -> bytes | None:
        """The same as a server-sent event, `update`, made once for all who stream it."""

        def make() -> bytes | None:
            update = self.since(token, html=html)
            if update is None:
                return None
            event = ServerSentEvent(update, event="update", id=self.token, retry=_RETRY_MS)
            return event.encode()

        return _once(self._events, (token, html), make)


def look(job_id: str, state: str | None = None) -> Snapshot | None:
    """The job now, or of a large one a moment ago; None if it is gone. As long as nothing changes
    this is one cheap query.

    Whether the caller may see the job is checked before, not here.

    Args:
        state: of the job, if the caller has just read it.
    """
    found = look_soon(job_id, state)
    return waited_for(found) if isinstance(found, Future) else found


def look_soon(job_id: str, state: str | None = None) -> Snapshot | Future[Snapshot | None] | None:
    """The same without waiting for that of a large job to be made for the first time."""
    with statement_scope() as session:
        if not is_large(session, job_id):
            return _looked(session, job_id)
        state = state or state_or_none(session, job_id)
    if state is None:
        return None
    found = at_hand_or_coming(state, _look, job_id)
    return found if isinstance(found, Future) else found[0]


def _look(job_id: str) -> Snapshot | None:
    with statement_scope() as session:
        return _looked(session, job_id)


def _looked(session: Session, job_id: str) -> Snapshot | None:
    pulse = pulse_of(session, job_id)
    if pulse is None:
        return None
    job = find_job(session, job_id)
    shared = snapshot(session, job, pulse)
    return shared.once("live", lambda: _made(session, shared.pulse, shared.whole))


def _made(session: Session, pulse: Pulse, view: dict[str, Any]) -> Snapshot:
    html = parts(context(session, find_job(session, view["job_id"]), Place(), view))
    token = ".".join((pulse.scored, pulse.now, *(_digest(html[name]) for name in PARTS)))
    summary = {name: view[name] for name in _SUMMARY}
    return Snapshot(pulse.now, pulse.scored, summary, html, token)
