"""What a job looks like at a moment, as pages and programs are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy.orm import Session

from api.pages.job import PARTS, Place, context, parts
from api.pages.sharing import Shared
from core.jobs.create import find_job
from core.jobs.progress import dashboard
from core.jobs.pulse import Pulse, pulse_of
from core.lifecycle import final
from core.store.database import session_scope

_SUMMARY = (
    "job_id", "state", "message", "counts", "trials_total", "seconds_elapsed", "seconds_left",
    "workers", "best", "policy_ready",
)  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """A job at a moment.

    Attributes:
        pulse: the version of everything.
        figures: the version of what figures are drawn from.
        summary: for programs.
        html: the parts of the page.
    """

    pulse: str
    figures: str
    summary: dict[str, Any]
    html: dict[str, str]

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.summary["state"] in final("jobs")

    @property
    def token(self) -> str:
        """The id of the event: digests of the parts, so that any server can tell what is new to
        somebody who saw them.
        """
        return ".".join((self.figures, self.pulse, *(_digest(self.html[name]) for name in PARTS)))

    def since(self, token: str | None, *, html: bool) -> dict[str, Any] | None:
        """What has changed since the event of that id; None if nothing has."""
        known = (token or "").split(".")
        if token == self.token:
            return None
        update: dict[str, Any] = {"job": self.summary, "figures": self.figures}
        if html:
            same = known[2:] if len(known) == 2 + len(PARTS) else [""] * len(PARTS)
            update["parts"] = {
                name: self.html[name]
                for name, digest in zip(PARTS, same, strict=True)
                if _digest(self.html[name]) != digest
            }
        return update


_seen: Shared[Snapshot] = Shared(kept=64, oldest=10.0)


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=6).hexdigest()


def look(job_id: str) -> Snapshot | None:
    """The job now; None if it is gone. As long as nothing changes this is one cheap query.

    Whether the caller may see the job is checked before, not here.
    """
    with session_scope() as session:
        pulse = pulse_of(session, job_id)
        if pulse is None:
            return None
        return _seen.get(job_id, pulse.now, pulse.state, lambda: _made(session, job_id, pulse))


def _made(session: Session, job_id: str, pulse: Pulse) -> Snapshot:
    job = find_job(session, job_id)
    # Not one that is shared: it may be older than the pulse, and would be taken for what is now.
    view = dashboard(session, job)
    found = context(session, job, Place(), view)
    return Snapshot(
        pulse.now, pulse.scored, {name: view[name] for name in _SUMMARY}, parts(found)
    )  # fmt: skip
