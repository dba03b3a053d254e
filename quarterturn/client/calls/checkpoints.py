"""/v1/checkpoints"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from quarterturn.client.calls.sending import name_of, send_file
from quarterturn.client.connection import Connection
from quarterturn.client.converting import PICKLES, convert
from quarterturn.errors import InvalidInputError

_ADDRESS = "/v1/checkpoints"


class CheckpointCalls:
    """Weights that a search may start from; see docs/warm-start.md."""

    _connection: Connection

    def upload_checkpoint(self, path: str | Path, *, name: str | None = None) -> dict[str, Any]:
        """Upload the weights of an encoder; returns the checkpoint, whose `reports` say how it fits
        each encoder. The same weights are the same checkpoint. A .pth or .ckpt file is read here,
        by torch's restricted unpickler, and its encoder is sent as safetensors.

        Raises:
            InvalidInputError: `path_not_found`, or of what is converted `invalid_checkpoint` and
                `checkpoint_does_not_fit`.
            ServerError: `invalid_checkpoint`, `checkpoint_does_not_fit` with the tensors in
                `fields`, `checkpoint_too_large`.
        """
        source = Path(path)
        if not source.is_file():
            raise InvalidInputError(
                f"There is no file at {path}. Give a .safetensors, .pth or .ckpt file.",
                code="path_not_found",
            )
        fields = {"name": name or name_of(source)}
        if source.suffix.lower() not in PICKLES:
            return send_file(self._connection, _ADDRESS, source, fields)
        with tempfile.TemporaryDirectory(prefix="quarterturn-") as folder:
            made = convert(source, Path(folder))
            return send_file(self._connection, _ADDRESS, made, fields)

    def create_checkpoint(
        self,
        *,
        from_job: str | None = None,
        library: str | None = None,
        model: str | None = None,
        path: str | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """A checkpoint from what the server has; exactly one of the first three ways.

        Args:
            from_job: a job whose final encoder is ready.
            library: `torchvision` or `timm`, with the name of a `model` there.
            path: a file on the server, in a folder of `QUARTERTURN_CHECKPOINT_ROOTS`.

        Raises:
            ServerError: `encoder_not_ready`, `unknown_weights`, `weights_not_cached`,
                `path_not_allowed` and what `upload_checkpoint` raises.
        """
        given = {
            "from_job": from_job,
            "library": library,
            "model": model,
            "path": path,
            "name": name,
        }
        body = {field: value for field, value in given.items() if value is not None}
        return self._connection.document("POST", _ADDRESS, json=body, again=True)

    def checkpoints(self) -> list[dict[str, Any]]:
        """All checkpoints, newest first."""
        return self._connection.items(_ADDRESS)

    def checkpoint(self, checkpoint_id: str) -> dict[str, Any]:
        """A checkpoint with its reports."""
        return self._connection.document("GET", f"{_ADDRESS}/{checkpoint_id}")

    def delete_checkpoint(self, checkpoint_id: str) -> None:
        """Delete the file; jobs that started from it remain.

        Raises:
            ServerError: `checkpoint_not_found`; `checkpoint_in_use` by an unfinished job.
        """
        self._connection.request("DELETE", f"{_ADDRESS}/{checkpoint_id}")
