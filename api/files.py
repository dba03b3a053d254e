"""Files that come in, in a form or named by a JSON document, and files that are handed out."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.types import Receive, Scope, Send

from core.settings import Settings
from core.storage import storage_of
from quarterturn.errors import InvalidInputError, InvalidJsonError, UnsupportedMediaTypeError

MadeT = TypeVar("MadeT")
FromUpload = Callable[[UploadFile, dict[str, Any]], MadeT]
FromDocument = Callable[[Any], MadeT]


@contextmanager
def kept(upload: UploadFile, settings: Settings, suffix: str = "") -> Iterator[Path]:
    """The upload as a file of its own; removed at the end."""
    settings.uploads_dir.mkdir(parents=True, exist_ok=True)
    path = settings.uploads_dir / f"{uuid.uuid4().hex}{suffix}"
    try:
        with path.open("wb") as stream:
            shutil.copyfileobj(upload.file, stream, 2**20)
        yield path
    finally:
        path.unlink(missing_ok=True)


class StoredFile(FileResponse):
    """A file of the storage as a download. Its copy on this machine stays until it is sent.

    Raises:
        ObjectMissingError, StorageUnavailableError, CacheFullError.
    """

    def __init__(self, key: str, name: str, settings: Settings) -> None:
        self._held = ExitStack()
        path = self._held.enter_context(storage_of(settings).held(key))
        super().__init__(path, media_type="application/octet-stream", filename=name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._held.close()


def name_of(upload: UploadFile) -> str:
    """The name of the file, without folders and endings."""
    return Path(upload.filename or "unnamed").name.split(".")[0]


async def made_from(
    request: Request,
    from_upload: FromUpload[MadeT],
    from_document: FromDocument[MadeT],
    *,
    file: str,
    json: str,
) -> MadeT:
    """Hand a form to the one, a JSON document to the other, each in a thread of its own.

    Args:
        file: what the file is, and
        json: what a document names, for the sentences of errors.

    Raises:
        InvalidInputError: `invalid_request`, no file. InvalidJsonError. UnsupportedMediaTypeError.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=10) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise InvalidInputError(
                    f"The form has no file. Send the {file} as the field `file`.",
                    code="invalid_request",
                    fields=[{"path": "$.file", "message": "is required"}],
                )
            fields = {key: value for key, value in form.items() if key != "file"}
            return await run_in_threadpool(from_upload, upload, fields)
    if kind == "application/json":
        try:
            document = await request.json()
        except ValueError:
            raise InvalidJsonError("The body is not JSON. Check quotes and commas.") from None
        return await run_in_threadpool(from_document, document)
    raise UnsupportedMediaTypeError(
        f"Send multipart/form-data with the {file} as `file`, or JSON with {json}."
    )
