"""/v1/jobs/{job_id}/encoder"""

from __future__ import annotations

from pathlib import Path

from quarterturn.client.connection import Connection
from quarterturn.errors import InvalidInputError


class EncoderCalls:
    """The final encoders of jobs; see docs/warm-start.md."""

    _connection: Connection

    def download_encoder(
        self, job_id: str, path: str | Path = "encoder.safetensors", *, card: bool = True
    ) -> Path:
        """Write the final encoder of a job, and with `card` its model card beside it, as `.md`.

        Returns:
            Where the encoder lies; `quarterturn.load_encoder` reads it.

        Raises:
            ServerError: `encoder_not_ready`. InvalidInputError: `output_not_writable`.
        """
        target = Path(path)
        weights = self._connection.request("GET", f"/v1/jobs/{job_id}/encoder").content
        text = self.encoder_card(job_id) if card else None
        try:
            target.write_bytes(weights)
            if text is not None:
                target.with_suffix(".md").write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidInputError(
                f"{target} cannot be written: {error}. Choose another file.",
                code="output_not_writable",
            ) from None
        return target

    def encoder_card(self, job_id: str) -> str:
        """The model card in Markdown: what the encoder was made from, and the lines that load it.

        Raises:
            ServerError: `encoder_not_ready`.
        """
        return self._connection.request("GET", f"/v1/jobs/{job_id}/encoder/card").text
