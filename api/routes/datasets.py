"""/v1/datasets"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field
from sqlalchemy import select
from starlette.datastructures import UploadFile

from api.deps import CallerDep, SessionDep, SettingsDep
from api.files import kept, made_from, name_of
from api.pages.accept import wants_html
from api.pages.dataset import dataset_page
from api.pages.render import render
from api.paging import After, Limit, newest_first
from api.problems import responses
from api.schemas import DatasetDetail, DatasetSummary, Page
from core.allowed import allowed_source
from core.datasets.catalog import create_dataset, delete_dataset, find_dataset
from core.settings import Settings
from core.store.tables import Dataset
from quarterturn.data.asked import FITS, PictureOptions, picture_options
from quarterturn.policy.pictures import Fit
from quarterturn.validation import Document, parse

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

_RESOLUTION = Field(
    default=None,
    ge=16,
    le=256,
    multiple_of=4,
    description="Working resolution in pixels; by default that of the images, 24 to 64.",
)


class _Reading(Document):
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    resolution: int | None = _RESOLUTION
    window: Annotated[str, Field(max_length=80)] | None = Field(
        default=None,
        description="Sample values shown as black and white, 0:4095, or percentiles of the whole "
        "set, p0.1:p99.9; by default what the files say.",
    )
    bands: Annotated[str, Field(max_length=20)] | None = Field(
        default=None, description="Taken as red, green and blue, 4,3,2; or one, as grey."
    )
    fit: Fit = Field(default="crop", description="How pictures become squares.")

    def options(self) -> PictureOptions:
        """
        Raises:
            InvalidInputError: `invalid_window` or `invalid_bands`.
        """
        return picture_options(self.window, self.bands, self.fit)


class FolderRequest(_Reading):
    """A folder, an archive or a list of files on the server."""

    path: str = Field(examples=["/data/chest-xrays"])


_READING = {
    "resolution": {"type": "integer", "minimum": 16, "maximum": 256},
    "window": {"type": "string", "description": "0:4095, or p0.1:p99.9 of the whole set"},
    "bands": {"type": "string", "description": "4,3,2 as red, green and blue; or one, as grey"},
    "fit": {"type": "string", "enum": list(FITS)},
}
_REQUEST_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": ".zip, .tar or .tar.gz of images; folders are ignored",
                    },
                    "name": {"type": "string"},
                    **_READING,
                },
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["path"],
                "properties": {
                    "path": {"type": "string"},
                    "name": {"type": "string"},
                    **_READING,
                },
            },
            "example": {"path": "/data/chest-xrays", "name": "chest x-rays"},
        },
    },
}


def _from_upload(
    upload: UploadFile, fields: dict[str, Any], settings: Settings, owner: str
) -> tuple[Dataset, bool]:
    number = str(fields.get("resolution", ""))
    if number.isascii() and number.isdecimal() and len(number) < 10:
        fields = {**fields, "resolution": int(number)}
    options = parse(_Reading, fields, code="invalid_request", what="upload")
    name = options.name or name_of(upload)
    with kept(upload, settings) as path:
        return create_dataset(path, name, options.resolution, settings, owner, options.options())


def _from_folder(document: Any, settings: Settings, owner: str) -> tuple[Dataset, bool]:
    request = parse(FolderRequest, document, code="invalid_request", what="request")
    source = allowed_source(request.path, settings.dataset_roots)
    name = request.name or source.name.split(".")[0] or "unnamed"
    return create_dataset(source, name, request.resolution, settings, owner, request.options())


@router.post(
    "",
    status_code=201,
    response_model=DatasetDetail,
    responses={
        200: {"model": DatasetDetail, "description": "These images are known already"},
        **responses(400, 403, 413, 415, 422),
    },
    openapi_extra={"requestBody": _REQUEST_BODY},
)
async def create(
    request: Request, response: Response, settings: SettingsDep, caller: CallerDep
) -> Dataset:
    """Create a dataset from an archive, or from a folder, an archive or a list of files on the
    server.

    The images are decoded, checked and split before the answer; nothing stays behind if it is
    refused. The same images at the same resolution are the same dataset (200 instead of 201).
    """
    dataset, new = await made_from(
        request,
        lambda upload, fields: _from_upload(upload, fields, settings, caller.owner),
        lambda document: _from_folder(document, settings, caller.owner),
        file="archive",
        json="`path`",
    )
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/datasets/{dataset.id}"
    return dataset


@router.get("", response_model=Page[DatasetSummary])
def index(
    session: SessionDep,
    limit: Limit = 50,
    after: After = None,
) -> dict[str, Any]:
    """Datasets, newest first."""
    query = select(Dataset).where(Dataset.state != "deleted")
    return newest_first(session, query, Dataset, limit, after)


@router.get(
    "/{dataset_id}",
    response_model=DatasetDetail,
    responses={
        200: {"content": {"application/json": {}, "text/html": {}}},
        **responses(404),
    },
)
def read(
    dataset_id: str,
    request: Request,
    response: Response,
    session: SessionDep,
    settings: SettingsDep,
    caller: CallerDep,
    page: Annotated[int, Query(ge=0, le=10_000, description="Sample of the HTML.")] = 0,
) -> Dataset | Response:
    """A dataset, with the report of skipped files; the HTML shows it."""
    dataset = find_dataset(session, dataset_id)
    response.headers["Vary"] = "Accept"
    if not wants_html(request):
        return dataset
    found = dataset_page(session, dataset, settings, page)
    shown = render("dataset.html", caller=caller, here="/datasets", **found)
    return HTMLResponse(shown, headers={"Vary": "Accept"})


@router.delete("/{dataset_id}", status_code=204, responses=responses(404, 409))
def delete(dataset_id: str, settings: SettingsDep, caller: CallerDep) -> None:
    """Delete a dataset and its decoded images; jobs and policies made from it remain."""
    delete_dataset(dataset_id, settings, caller.owner)
