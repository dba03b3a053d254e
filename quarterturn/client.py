"""The Python client of the service."""

from __future__ import annotations

import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from core.errors import InvalidInputError, QuarterturnError, UnavailableError
from core.lifecycle import final
from core.settings import Settings
from quarterturn.job import Job

_UPLOAD_SECONDS = 3600.0
_PATIENCE_SECONDS = 60.0
#: Between attempts, when a connection is lost.
_PAUSES_SECONDS = (0.2, 0.8)


class ServerError(QuarterturnError):
    """The server refused; `code` and `message` are its own."""


@contextmanager
def _archive_of(path: Path) -> Iterator[Path]:
    """The archive itself, or a folder packed into a temporary one."""
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise InvalidInputError(
            f"There is no file or folder at {path}. Give a folder of images or an archive.",
            code="path_not_found",
        )
    with tempfile.TemporaryDirectory(prefix="quarterturn-") as folder:
        packed = Path(folder, f"{path.resolve().name}.tar")
        with tarfile.open(packed, "w") as archive:
            archive.add(path, arcname="", filter=lambda i: i if i.isreg() or i.isdir() else None)
        yield packed


class Client:
    """Talks to a server, such as `Client("http://127.0.0.1:8000")`; a context manager.

    Args:
        key: an API key, if the server needs one; by default `QUARTERTURN_API_KEY`.
    """

    def __init__(
        self, url: str, *, key: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        # trust_env off for loopback: a proxy cannot reach this machine's own server.
        local = httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(
            base_url=url, timeout=60.0, transport=transport, trust_env=not local
        )
        if key := key or Settings().api_key:
            self._http.headers["Authorization"] = f"Bearer {key}"
        self.url = url.rstrip("/")

    @classmethod
    @contextmanager
    def embedded(cls, data_dir: str | Path | None = None) -> Iterator[Self]:
        """A client of a service of its own, which runs on this machine while the block does.

        Args:
            data_dir: where data stays between blocks; by default the folder of the settings.
        """
        from core.embedded.stack import running_or_started

        settings = Settings()
        if data_dir is not None:
            settings = settings.model_copy(update={"data_dir": Path(data_dir)})
        with running_or_started(settings) as (url, _), cls(url) as client:
            yield client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _sent(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Sent again after a lost connection, unless something may have been changed by it."""
        for pause in _PAUSES_SECONDS:
            try:
                return self._http.request(method, path, **options)
            except httpx.ConnectError:
                time.sleep(pause)
            except httpx.TransportError:
                if method != "GET":
                    raise
                time.sleep(pause)
        return self._http.request(method, path, **options)

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._sent(method, path, **options)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"The server at {self.url} does not answer ({error}). Is it running?",
                code="server_unreachable",
            ) from None
        if response.is_error:
            if response.status_code in (502, 503, 504):
                raise UnavailableError(
                    f"The server at {self.url} is not ready ({response.status_code}).",
                    code="server_unreachable",
                )
            try:
                body = response.json()
                raise ServerError(body["detail"], code=body["code"], fields=body.get("fields"))
            except (ValueError, KeyError, TypeError):
                raise ServerError(
                    f"The server answered {response.status_code}.", code="server_error"
                ) from None
        return response

    def upload(
        self, path: str | Path, *, name: str | None = None, resolution: int | None = None
    ) -> dict[str, Any]:
        """Upload an archive or a folder of images; returns the dataset with its report."""
        source = Path(path)
        fields = {"name": name or source.resolve().name.split(".")[0] or "unnamed"}
        if resolution is not None:
            fields["resolution"] = str(resolution)
        with _archive_of(source) as archive, archive.open("rb") as stream:
            answer = self._request(
                "POST", "/v1/datasets", data=fields, files={"file": (archive.name, stream)},
                timeout=_UPLOAD_SECONDS,
            )  # fmt: skip
        return dict(answer.json())

    def start(self, dataset_id: str, **search: Any) -> dict[str, Any]:
        """Start a search; `search` are the fields of `POST /v1/jobs`."""
        body = {"dataset_id": dataset_id, **search}
        return dict(self._request("POST", "/v1/jobs", json=body).json())

    def search(
        self,
        images: str | Path,
        *,
        name: str | None = None,
        resolution: int | None = None,
        **search: Any,
    ) -> Job:
        """Upload a folder or an archive and start a search on it; `search` are the fields of
        `POST /v1/jobs`. The same images are uploaded once, whatever is asked of them.
        """
        dataset = self.upload(images, name=name, resolution=resolution)
        return Job(self, self.start(dataset["id"], **search)["id"])

    def job(self, job_id: str) -> Job:
        """A job that was started before."""
        return Job(self, job_id)

    def ranking(self, job_id: str) -> list[dict[str, Any]]:
        """All lines of the ranking of a job, so far."""
        lines: list[dict[str, Any]] = []
        after: str | None = "0"
        while after is not None:
            path = f"/v1/jobs/{job_id}/ranking?limit=1000&after={after}"
            page = self._request("GET", path).json()
            lines += page["items"]
            after = page["next"]
        return lines

    def delete(self, job_id: str) -> None:
        """Delete a job that has ended."""
        self._request("DELETE", f"/v1/jobs/{job_id}")

    def dashboard(self, job_id: str) -> dict[str, Any]:
        """State, counts, ranking, best so far and time left of a job."""
        return dict(self._request("GET", f"/v1/jobs/{job_id}/dashboard").json())

    def dashboard_html(self, job_id: str) -> str:
        """The body of the dashboard page."""
        return self._request("GET", f"/v1/jobs/{job_id}/dashboard?fragment=true").text

    def style(self) -> str:
        """The style sheet of the pages."""
        return self._request("GET", "/static/style.css").text

    def policy(self, job_id: str) -> dict[str, Any]:
        """The selected policy document."""
        return dict(self._request("GET", f"/v1/jobs/{job_id}/policy").json())

    def export(self, job_id: str, format: str, *, size: int | None = None, view: int = 0) -> str:
        """The selected policy as a file of another library; see docs/exporting.md.

        Args:
            format: `torchvision`, `albumentations`, `kornia`, `lightly`, `timm` or `json`.
            size: of crops in pixels, for `albumentations`; by default that of the dataset.
            view: 0 or 1, for formats that hold one view.

        Raises:
            ServerError: `unknown_format`, `export_not_possible`, `policy_not_ready`.
        """
        query = {"format": format, "view": view, **({} if size is None else {"size": size})}
        return self._request("GET", f"/v1/jobs/{job_id}/policy", params=query).text

    def card(self, job_id: str, format: str = "markdown") -> str:
        """The policy card as text: `markdown`, `html` or `json`."""
        return self._request("GET", f"/v1/jobs/{job_id}/card", params={"format": format}).text

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job."""
        return dict(self._request("POST", f"/v1/jobs/{job_id}/cancel").json())

    def pause(self, job_id: str) -> dict[str, Any]:
        """Begin no further trial until the job is resumed; running trials finish."""
        return dict(self._request("POST", f"/v1/jobs/{job_id}/pause").json())

    def resume(self, job_id: str) -> dict[str, Any]:
        """Go on with a paused job."""
        return dict(self._request("POST", f"/v1/jobs/{job_id}/resume").json())

    def stop(self, job_id: str) -> dict[str, Any]:
        """Finish what runs, then rank what was measured and select."""
        return dict(self._request("POST", f"/v1/jobs/{job_id}/stop").json())

    def wait(
        self,
        job_id: str,
        *,
        watch: Callable[[dict[str, Any]], None] = lambda _: None,
        period: float = 1.0,
    ) -> dict[str, Any]:
        """Poll until the job has ended; `watch` is called with each dashboard.

        A server that is away for up to a minute, such as one that restarts, is waited for.
        """
        heard = time.monotonic()
        while True:
            try:
                state = self.dashboard(job_id)
            except UnavailableError:
                if time.monotonic() - heard > _PATIENCE_SECONDS:
                    raise
                time.sleep(period)
                continue
            heard = time.monotonic()
            watch(state)
            if state["state"] in final("jobs"):
                return state
            time.sleep(period)
