"""Pictures and figures that the server draws."""

from __future__ import annotations

from typing import Any

from quarterturn.client.connection import Connection


class PictureCalls:
    """Contact sheets as PNG, figures of jobs as SVG, PNG or CSV."""

    _connection: Connection

    def _picture(self, path: str, **query: Any) -> bytes:
        given = {name: value for name, value in query.items() if value is not None}
        return self._connection.request("GET", path, params=given).content

    def dataset_sheet(self, dataset_id: str, *, page: int = 0) -> bytes:
        """Images of a dataset, as PNG."""
        return self._picture(f"/v1/datasets/{dataset_id}/sheet", page=page)

    def dataset_mean(self, dataset_id: str) -> bytes:
        """The mean image of a dataset, as PNG."""
        return self._picture(f"/v1/datasets/{dataset_id}/mean")

    def dataset_rotation(self, dataset_id: str) -> dict[str, Any]:
        """How well rotations of the images can be predicted without training."""
        return self._connection.document("GET", f"/v1/datasets/{dataset_id}/rotation")

    def operation_sheet(self, dataset_id: str, operation: str) -> bytes:
        """What an operation does to images of a dataset, as PNG."""
        return self._picture(f"/v1/datasets/{dataset_id}/operations/{operation}")

    def candidate_sheet(
        self,
        job_id: str,
        candidate: str,
        *,
        images: int | None = None,
        draws: int | None = None,
        seed: int | None = None,
        page: int | None = None,
    ) -> bytes:
        """Images beside several views by a candidate's policy, as PNG."""
        path = f"/v1/jobs/{job_id}/policies/{candidate}/sheet"
        return self._picture(path, images=images, draws=draws, seed=seed, page=page)

    def figure(self, job_id: str, figure: str, *, format: str = "svg") -> bytes:
        """A figure of a job: `svg`, `png`, `csv` or `html`.

        Raises:
            ServerError: `figure_not_found`, naming those there are.
        """
        return self._picture(f"/v1/jobs/{job_id}/figures/{figure}", format=format)

    def comparison(self, job_id: str, other_id: str, *, format: str = "svg") -> bytes:
        """Two jobs side by side: `svg`, `png` or `csv`."""
        return self._picture(f"/v1/jobs/{job_id}/comparison/{other_id}", format=format)
