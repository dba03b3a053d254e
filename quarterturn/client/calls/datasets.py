"""/v1/datasets"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quarterturn.client.calls.sending import archive_of, name_of, send_file
from quarterturn.client.connection import Connection


class DatasetCalls:
    """Images on the server."""

    _connection: Connection

    def upload(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        resolution: int | None = None,
        window: str | None = None,
        bands: str | None = None,
        fit: str | None = None,
    ) -> dict[str, Any]:
        """Upload an archive or a folder of images; returns the dataset with its report.

        Args:
            resolution: working resolution in pixels, 16 to 256 and a multiple of 4; by default
                made from the images.
            window: sample values shown as black and white, such as "0:4095", or percentiles of
                the whole set, such as "p0.1:p99.9"; by default what the files say.
            bands: taken as red, green and blue, such as "4,3,2", or one as grey.
            fit: how pictures become squares: crop, pad or stretch.

        Raises:
            InvalidInputError: `path_not_found`. ServerError: see docs/errors.md.
        """
        source = Path(path)
        fields = {"name": name or name_of(source)}
        if resolution is not None:
            fields["resolution"] = str(resolution)
        asked = {"window": window, "bands": bands, "fit": fit}
        fields |= {field: value for field, value in asked.items() if value is not None}
        with archive_of(source) as archive:
            return send_file(self._connection, "/v1/datasets", archive, fields)

    def datasets(self) -> list[dict[str, Any]]:
        """All datasets, newest first."""
        return self._connection.items("/v1/datasets")

    def dataset(self, dataset_id: str) -> dict[str, Any]:
        """A dataset with the report of skipped files."""
        return self._connection.document("GET", f"/v1/datasets/{dataset_id}")

    def delete_dataset(self, dataset_id: str) -> None:
        """Delete the images; jobs and policies made from them remain.

        Raises:
            ServerError: `dataset_not_found`; `dataset_in_use` by an unfinished job.
        """
        self._connection.request("DELETE", f"/v1/datasets/{dataset_id}")
