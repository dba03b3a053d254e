"""/v1/jobs/{job_id}/trials, /v1/trials"""

from __future__ import annotations

from typing import Any

from quarterturn.client.connection import Connection


class TrialCalls:
    """Trials of jobs, and the policies that they tried."""

    _connection: Connection

    def trials(self, job_id: str, *, state: str | None = None) -> list[dict[str, Any]]:
        """All trials of a job in the order in which they were planned, or those in a state.

        Raises:
            ServerError: `job_not_found`, `invalid_request`.
        """
        query = {} if state is None else {"state": state}
        return self._connection.items(f"/v1/jobs/{job_id}/trials", limit=1000, **query)

    def trial(self, trial_id: str) -> dict[str, Any]:
        """A trial with its learning curve and its policy.

        Raises:
            ServerError: `trial_not_found`.
        """
        return self._connection.document("GET", f"/v1/trials/{trial_id}")

    def candidate(self, job_id: str, candidate: str) -> dict[str, Any]:
        """A candidate of a job: its policy, scores and trials.

        Args:
            candidate: its key, as rankings and trials name it.

        Raises:
            ServerError: `job_not_found`, `candidate_not_found`.
        """
        return self._connection.document("GET", f"/v1/jobs/{job_id}/policies/{candidate}")

    def export_candidate(
        self, job_id: str, candidate: str, format: str = "json", *, size: int | None = None
    ) -> str:
        """The policy of any candidate as a file of a library; see docs/exporting.md.

        Raises:
            ServerError: `candidate_not_found`, `unknown_format`, `export_not_possible`.
        """
        query = {"format": format, **({} if size is None else {"size": size})}
        address = f"/v1/jobs/{job_id}/policies/{candidate}/file"
        return self._connection.request("GET", address, params=query).text
