"""States of jobs, as the API names them."""

from __future__ import annotations

#: Those that nothing leaves; a test holds them against the service's table of transitions.
FINAL_JOB_STATES = frozenset({"completed", "failed", "cancelled"})
