"""/v1/checkpoints"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlalchemy import select
from starlette.datastructures import UploadFile

from api.checkpoint_body import REQUEST_BODY, CheckpointRequest, parse_request
from api.deps import CallerDep, SessionDep, SettingsDep
from api.files import kept, made_from, name_of
from api.paging import After, Limit, newest_first
from api.problems import responses
from api.schemas import CheckpointDetail, CheckpointSummary, Page
from core.checkpoints import catalog
from core.settings import Settings
from core.store.tables import Checkpoint
from quarterturn.validation import Document, parse

router = APIRouter(prefix="/v1/checkpoints", tags=["checkpoints"])


class _UploadFields(Document):
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None


def _from_upload(
    upload: UploadFile, fields: dict[str, Any], settings: Settings, owner: str
) -> tuple[Checkpoint, bool]:
    options = parse(_UploadFields, fields, code="invalid_request", what="upload")
    with kept(upload, settings, ".safetensors") as path:
        return catalog.from_upload(path, options.name or name_of(upload), settings, owner)


def _from_request(
    request: CheckpointRequest, settings: Settings, owner: str
) -> tuple[Checkpoint, bool]:
    if request.path is not None:
        return catalog.from_path(request.path, request.name, settings, owner)
    if request.from_job is not None:
        return catalog.from_job(request.from_job, request.name, settings, owner)
    assert request.library is not None
    assert request.model is not None
    return catalog.from_library(request.library, request.model, request.name, settings, owner)


@router.post(
    "",
    status_code=201,
    response_model=CheckpointDetail,
    responses={
        200: {"model": CheckpointDetail, "description": "These weights are known already"},
        **responses(400, 403, 404, 409, 413, 415, 422, 503),
    },
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def create(
    request: Request, response: Response, settings: SettingsDep, caller: CallerDep
) -> Checkpoint:
    """Create a checkpoint from a safetensors file, a file on the server, a job or a library.

    The answer reports how the file fits each encoder. A file that fits none is refused with what
    each lacks. The same weights are the same checkpoint (200 instead of 201).
    """
    checkpoint, new = await made_from(
        request,
        lambda upload, fields: _from_upload(upload, fields, settings, caller.owner),
        lambda document: _from_request(parse_request(document), settings, caller.owner),
        file="safetensors file",
        json="`path`, `from_job`, or `library` and `model`",
    )
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/checkpoints/{checkpoint.id}"
    return checkpoint


@router.get("", response_model=Page[CheckpointSummary])
def index(session: SessionDep, limit: Limit = 50, after: After = None) -> dict[str, Any]:
    """Checkpoints, newest first."""
    query = select(Checkpoint).where(Checkpoint.state != "deleted")
    return newest_first(session, query, Checkpoint, limit, after)


@router.get("/{checkpoint_id}", response_model=CheckpointDetail, responses=responses(404))
def read(checkpoint_id: str, session: SessionDep) -> Checkpoint:
    """A checkpoint, with how it fits each encoder."""
    return catalog.find_checkpoint(session, checkpoint_id)


@router.delete("/{checkpoint_id}", status_code=204, responses=responses(404, 409))
def delete(checkpoint_id: str, settings: SettingsDep, caller: CallerDep) -> None:
    """Delete a checkpoint and its file; jobs that started from it remain."""
    catalog.delete_checkpoint(checkpoint_id, settings, caller.owner)
