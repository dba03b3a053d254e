"""How far jobs are, for the list of jobs."""

from __future__ import annotations

from concurrent.futures import Future

from sqlalchemy.orm import Session

from api.pages.large import at_hand_or_coming, large_among, waited_for
from api.pages.made import job_progress
from core.jobs.listing import Progress, progress_of


def progress_for_list(session: Session, states: dict[str, str]) -> Progress:
    """As `core.jobs.listing.progress_of`; of large jobs as it was a moment ago.

    Raises:
        UnavailableError: `page_unavailable`.
    """
    many = large_among(session, states)
    found = progress_of(session, states.keys() - many)
    session.commit()  # gives its connection back: to wait for what is made may take seconds
    coming = {one: at_hand_or_coming(states[one], job_progress, one) for one in many}
    for job_id, made in coming.items():
        found[job_id] = waited_for(made) if isinstance(made, Future) else made[0]
    return found
