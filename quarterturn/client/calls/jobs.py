"""/v1/jobs"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Unpack

from quarterturn.client.connection import Connection
from quarterturn.client.fields import JobChanges, JobFields
from quarterturn.client.waiting import Patience
from quarterturn.errors import UnavailableError


class JobCalls:
    """Searches by their ids; `quarterturn.Job` is the same as an object."""

    _connection: Connection

    def start(
        self,
        dataset_id: str,
        *,
        idempotency_key: str | None = None,
        **search: Unpack[JobFields],
    ) -> dict[str, Any]:
        """Start a search; `search` are the fields of `POST /v1/jobs`.

        Args:
            idempotency_key: a text of your own: with the same one, the same search is started
                once, however often this is called within a day.
        """
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return self._connection.document(
            "POST",
            "/v1/jobs",
            json={"dataset_id": dataset_id, **search},
            headers=headers,
            again=idempotency_key is not None,
        )

    def job_documents(
        self, *, state: str | None = None, tag: str | None = None
    ) -> list[dict[str, Any]]:
        """All jobs as documents, newest first, or those in a state, or with a tag."""
        query = {"state": state, "tag": tag}
        given = {name: value for name, value in query.items() if value is not None}
        return self._connection.items("/v1/jobs", **given)

    def change(self, job_id: str, **changes: Unpack[JobChanges]) -> dict[str, Any]:
        """Change name, notes and tags of a job, or raise its budget and its candidates.

        A job that has ended stays as it is: what is raised goes into another, which takes its
        results over and is returned.

        Raises:
            ServerError: `job_not_found`, `invalid_extension`, `job_ending`.
        """
        return self._connection.document("PATCH", f"/v1/jobs/{job_id}", json=changes)

    def job_document(self, job_id: str) -> dict[str, Any]:
        """A job with its specification, all defaults filled in.

        Raises:
            ServerError: `job_not_found`.
        """
        return self._connection.document("GET", f"/v1/jobs/{job_id}")

    def ranking(self, job_id: str) -> list[dict[str, Any]]:
        """All lines of the ranking of a job, so far."""
        return self._connection.items(f"/v1/jobs/{job_id}/ranking", limit=1000)

    def delete(self, job_id: str) -> None:
        """Delete a job that has ended."""
        self._connection.request("DELETE", f"/v1/jobs/{job_id}")

    def dashboard(self, job_id: str) -> dict[str, Any]:
        """State, counts, ranking, best so far and time left of a job."""
        return self._connection.document("GET", f"/v1/jobs/{job_id}/dashboard")

    def dashboard_html(self, job_id: str) -> str:
        """The body of the dashboard page."""
        return self._connection.request("GET", f"/v1/jobs/{job_id}/dashboard?fragment=true").text

    def style(self) -> str:
        """The style sheet of the pages."""
        return self._connection.request("GET", "/static/style.css").text

    def policy(self, job_id: str) -> dict[str, Any]:
        """The selected policy document."""
        return self._connection.document("GET", f"/v1/jobs/{job_id}/policy")

    def export(self, job_id: str, format: str, *, size: int | None = None, view: int = 0) -> str:
        """The selected policy as a file of another library; see docs/exporting.md.

        Args:
            format: `torchvision`, `albumentations`, `kornia`, `lightly`, `timm`, `lightly-train`,
                `solo-learn`, `stable-pretraining`, `huggingface` or `json`.
            size: side in pixels of the squares that views return; by default the size of the
                pictures, or where a format needs one that of the dataset.
            view: 0 or 1, for `lightly-train`, which holds one view.

        Raises:
            ServerError: `unknown_format`, `export_not_possible`, `policy_not_ready`.
        """
        query = {"format": format, "view": view, **({} if size is None else {"size": size})}
        return self._connection.request("GET", f"/v1/jobs/{job_id}/policy", params=query).text

    def card(self, job_id: str, format: str = "markdown") -> str:
        """The policy card as text: `markdown`, `html` or `json`."""
        query = {"format": format}
        return self._connection.request("GET", f"/v1/jobs/{job_id}/card", params=query).text

    def _control(self, job_id: str, action: str) -> dict[str, Any]:
        return self._connection.document("POST", f"/v1/jobs/{job_id}/{action}", again=True)

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job."""
        return self._control(job_id, "cancel")

    def pause(self, job_id: str) -> dict[str, Any]:
        """Begin no further trial until the job is resumed; running trials finish."""
        return self._control(job_id, "pause")

    def resume(self, job_id: str) -> dict[str, Any]:
        """Go on with a paused job."""
        return self._control(job_id, "resume")

    def stop(self, job_id: str) -> dict[str, Any]:
        """Finish what runs, then rank what was measured and select."""
        return self._control(job_id, "stop")

    def wait(
        self,
        job_id: str,
        *,
        watch: Callable[[dict[str, Any]], None] = lambda _: None,
        period: float = 1.0,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Poll until the job has ended; `watch` is called with each dashboard.

        A server that is away for up to a minute, such as one that restarts, is waited for.

        Args:
            period: seconds between looks.
            timeout: seconds after which to give up; the job goes on.

        Raises:
            WaitTimeoutError: `wait_timed_out`, also a TimeoutError.
        """
        patience = Patience(job_id, timeout)
        while True:
            try:
                state = self.dashboard(job_id)
            except UnavailableError as error:
                patience.miss(error)
            else:
                watch(state)
                if patience.hear(state):
                    return state
            time.sleep(patience.pause(period))
