"""A search as an object: waiting for it, its ranking as a table, a plot, its policy."""

from __future__ import annotations

import types
from html import escape
from typing import TYPE_CHECKING, Any

from core.errors import QuarterturnError, UnavailableError
from core.exports import Options, export
from core.lifecycle import final
from core.policies import parse_policy

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from quarterturn.client import Client
    from quarterturn.transform import PolicyTransform

#: Columns of `Job.ranking`, of which the dashboard has more.
_COLUMNS = (
    "rank", "name", "origin", "score", "standard_error", "seeds", "iterations", "stage", "reported",
    "reported_error", "tied_with_best", "collapsed",
)  # fmt: skip


def _needed(package: str, what: str) -> UnavailableError:
    return UnavailableError(
        f"{what} needs {package}. Install it: pip install {package}.", code="library_missing"
    )


class SelectedPolicy:
    """What a job selected; `document` is the policy as JSON, with its selection and evidence."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._policy = parse_policy(document)

    @property
    def name(self) -> str:
        return self._policy.name

    def transform(self, seed: int | None = None) -> PolicyTransform:
        """The policy on batches, by Quarterturn's own interpreter."""
        from quarterturn.transform import load_policy

        return load_policy(self.document, seed)

    def torchvision(self) -> types.ModuleType:
        """The policy on torchvision alone: a module with `first_view`, `second_view`, `two_views`.

        The module is made here from the document; no code comes from the server.
        """
        made = export(self._policy, "torchvision")
        module = types.ModuleType(made.filename.removesuffix(".py"))
        exec(compile(made.text, made.filename, "exec"), module.__dict__)
        return module

    def export(self, name: str, *, size: int | None = None, view: int = 0) -> str:
        """The policy as a file of another library; see docs/exporting.md.

        Raises:
            core.errors.InvalidInputError: `unknown_format`, `export_not_possible`,
                `export_size_needed`.
        """
        return export(self._policy, name, Options(size=size, view=view)).text

    def __repr__(self) -> str:
        return f"SelectedPolicy({self.name!r})"


class Job:
    """A search on a server; made by `Client.search` and `Client.job`."""

    def __init__(self, client: Client, job_id: str) -> None:
        self._client, self.id = client, job_id

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

    def wait(self, *, progress: bool = False, period: float = 1.0) -> Job:
        """Wait until the job has ended; with `progress`, show bars.

        Raises:
            QuarterturnError: `job_failed`, it ended without a policy.
        """
        if progress:
            from quarterturn.cli import display

            with display.progress() as watch:
                last = self._client.wait(self.id, watch=watch, period=period)
        else:
            last = self._client.wait(self.id, period=period)
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

    @property
    def ranking(self) -> pandas.DataFrame:
        """The ranking so far, one row per candidate; see docs/api.md.

        Raises:
            UnavailableError: `library_missing`, pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise _needed("pandas", "The ranking as a table") from None
        rows = self._client.ranking(self.id)
        return pandas.DataFrame(rows, columns=list(_COLUMNS)).set_index("rank")

    @property
    def policy(self) -> SelectedPolicy:
        """What was selected.

        Raises:
            ServerError: `policy_not_ready`.
        """
        return SelectedPolicy(self._client.policy(self.id))

    def plot(self, axes: Axes | None = None) -> Axes:
        """The ranking with its standard errors; baselines are hollow, ties with the first dark.

        Raises:
            UnavailableError: `library_missing`, matplotlib is not installed.
        """
        try:
            from matplotlib import pyplot
        except ImportError:
            raise _needed("matplotlib", "A plot") from None
        view = self.dashboard()
        rows = view["ranking"][::-1]
        if axes is None:
            _, axes = pyplot.subplots(figsize=(7, 1 + 0.3 * len(rows)), layout="constrained")
        for place, row in enumerate(rows):
            colour = "#1d4e89" if row["tied_with_best"] or row["rank"] == 1 else "#8a97a8"
            axes.errorbar(
                row["score"], place, xerr=row["standard_error"], color=colour, fmt="o", capsize=3,
                markerfacecolor="white" if row["origin"] == "baseline" else colour,
            )  # fmt: skip
        axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
        rotation = view["criterion"] == "rotation"
        axes.set_xlabel("rotation accuracy" if rotation else view["criterion"])
        axes.set_title(f"{view['name']}: evidence {(view['evidence'] or {}).get('level', 'none')}")
        return axes

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    def _repr_html_(self) -> str:
        """For notebooks: state, progress, the first five of the ranking."""
        view = self.dashboard()
        rows = "".join(
            f"<tr><td>{row['rank']}</td><td>{escape(row['name'])}</td>"
            f"<td>{row['score']:.4g} ± {row['standard_error']:.2g}</td></tr>"
            for row in view["ranking"][:5]
        )
        running = "" if view["state"] in final("jobs") else ", so far"
        return (
            f"<p><b>{escape(view['name'])}</b>: {view['state']}, "
            f"{view['counts']['completed']} of {view['trials_total']} trials{running}. "
            f'<a href="{escape(self.url)}">Dashboard</a></p>'
            f"<table><tr><th>#</th><th>Policy</th><th>{view['criterion']}</th></tr>{rows}</table>"
        )
