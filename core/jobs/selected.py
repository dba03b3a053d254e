"""The policy that a job selected."""

from __future__ import annotations

from core.store.tables import Job
from quarterturn.errors import ConflictError
from quarterturn.policy import Policy, parse_policy

_MISSING = {
    "queued": "The search has not begun: no worker has taken a trial yet.",
    "running": "The search is still running.",
    "paused": "The search is paused.",
    "stopping": "The search is being stopped; what runs is finished first.",
    "cancelling": "The search is being cancelled and will select nothing.",
    "cancelled": "The search was cancelled before a policy was selected.",
}


def selected_policy(job: Job) -> Policy:
    """The policy with its selection.

    Raises:
        ConflictError: `policy_not_ready`.
    """
    if job.policy is None:
        why = _MISSING.get(job.state) or f"The search failed: {job.message}"
        raise ConflictError(
            f"There is no policy yet. {why} See /v1/jobs/{job.id}/dashboard.",
            code="policy_not_ready",
        )
    return parse_policy(job.policy)
