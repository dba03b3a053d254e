"""A search as an object: waiting for it, its ranking as a table and a plot, what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterturn.client.fields import JobChanges
from quarterturn.errors import QuarterturnError, library_missing
from quarterturn.results.selected import SelectedPolicy
from quarterturn.results.table import RANKING_COLUMNS, to_frame
from quarterturn.results.wording import name_criterion

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from quarterturn.client.client import Client
    from quarterturn.encoder import PretrainedEncoder


class Job:
    """A search on a server; made by `Client.search` and `Client.job`."""

    def __init__(self, client: Client, job_id: str, *, images: str | Path | None = None) -> None:
        self._client, self.id, self._images = client, job_id, images

    @property
    def url(self) -> str:
        """The address of the dashboard."""
        return f"{self._client.url}/v1/jobs/{self.id}/dashboard"

    def dashboard(self) -> dict[str, Any]:
        """State, counts, ranking, evidence and time left, at this moment."""
        return self._client.dashboard(self.id)

    @property
    def state(self) -> str:
        return str(self.dashboard()["state"])

    def wait(
        self, *, progress: bool = False, period: float = 1.0, timeout: float | None = None
    ) -> Job:
        """Wait until the job has ended; with `progress`, show bars, in notebooks the ranking.

        Args:
            timeout: seconds after which to give up; the job goes on.

        Raises:
            QuarterturnError: `job_failed`, it ended without a policy. WaitTimeoutError:
                `wait_timed_out`.
        """
        if progress:
            from quarterturn.results import display, notebook

            shown = notebook.progress(self.url) if notebook.in_notebook() else display.progress()
            with shown as watch:
                last = self._client.wait(self.id, watch=watch, period=period, timeout=timeout)
        else:
            last = self._client.wait(self.id, period=period, timeout=timeout)
        if last["state"] != "completed":
            message = last["message"] or f"The job has {last['state']}."
            raise QuarterturnError(message, code="job_failed")
        return self

    def pause(self) -> None:
        """Begin no further trial until the job is resumed."""
        self._client.pause(self.id)

    def resume(self) -> None:
        """Go on."""
        self._client.resume(self.id)

    def stop(self) -> None:
        """Finish what runs, then select."""
        self._client.stop(self.id)

    def cancel(self) -> None:
        """End now; nothing is selected."""
        self._client.cancel(self.id)

    def extend(
        self, *, budget: Mapping[str, float | int | None] | None = None, candidates: int = 0
    ) -> Job:
        """Raise limits and candidates; a job that has ended is extended by another.

        Args:
            budget: limits, none of them lower; None takes one away.
            candidates: searched ones in all; 0 leaves them.

        Returns:
            The job that goes on.

        Raises:
            ServerError: `invalid_extension`, `job_ending`.
        """
        changes: JobChanges = {}
        if budget is not None:
            changes["budget"] = budget
        if candidates:
            changes["candidates"] = candidates
        return Job(self._client, self._client.change(self.id, **changes)["id"], images=self._images)

    @property
    def ranking(self) -> pandas.DataFrame:
        """The ranking so far, one row per candidate; see docs/api.md.

        Raises:
            UnavailableError: `library_missing`, pandas is not installed.
        """
        rows = self._client.ranking(self.id)
        return to_frame(rows, RANKING_COLUMNS, "The ranking as a table").set_index("rank")

    @property
    def policy(self) -> SelectedPolicy:
        """What was selected.

        Raises:
            ServerError: `policy_not_ready`.
        """
        return SelectedPolicy(self._client.policy(self.id), self._images)

    def card(self, format: str = "markdown") -> str:
        """The policy card as text: `markdown`, `html` or `json`.

        Raises:
            ServerError: `policy_not_ready`.
        """
        return self._client.card(self.id, format)

    def encoder(self) -> PretrainedEncoder:
        """The final encoder, in evaluation mode; a job with `final_pretraining` has one.

        Raises:
            ServerError: `encoder_not_ready`.
        """
        from quarterturn.encoder import load_encoder

        with tempfile.TemporaryDirectory(prefix="quarterturn-") as folder:
            path = self._client.download_encoder(
                self.id, Path(folder, "encoder.safetensors"), card=False
            )
            return load_encoder(path)

    def encoder_card(self) -> str:
        """The model card of the final encoder in Markdown.

        Raises:
            ServerError: `encoder_not_ready`.
        """
        return self._client.encoder_card(self.id)

    def download_encoder(self, path: str | Path = "encoder.safetensors") -> Path:
        """Write the final encoder, and its model card beside it as `.md`; returns where it lies.

        Raises:
            ServerError: `encoder_not_ready`. InvalidInputError: `output_not_writable`.
        """
        return self._client.download_encoder(self.id, path)

    def plot(self, axes: Axes | None = None) -> Axes:
        """The ranking with its standard errors; baselines are hollow, ties with the first dark.

        Raises:
            UnavailableError: `library_missing`, matplotlib is not installed.
        """
        try:
            from matplotlib import pyplot
        except ImportError:
            raise library_missing("matplotlib", "A plot") from None
        view = self.dashboard()
        rows = view["ranking"][::-1]
        if axes is None:
            _, axes = pyplot.subplots(figsize=(7, 1 + 0.3 * len(rows)), layout="constrained")
        for place, row in enumerate(rows):
            colour = "#1d4e89" if row["tied_with_best"] or row["rank"] == 1 else "#8a97a8"
            axes.errorbar(
                row["score"],
                place,
                xerr=row["standard_error"],
                color=colour,
                fmt="o",
                capsize=3,
                markerfacecolor="white" if row["origin"] == "baseline" else colour,
            )
        axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
        axes.set_xlabel(name_criterion(view["criterion"]))
        axes.set_title(f"{view['name']}: evidence {(view['evidence'] or {}).get('level', 'none')}")
        return axes

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    def _repr_html_(self) -> str:
        """For notebooks: state, progress and ranking at this moment."""
        from quarterturn.results.notebook import job_html

        return job_html(self.dashboard(), self.url)
