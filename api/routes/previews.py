"""What a dataset looks like, and what operations do to it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.deps import SessionDep, SettingsDep
from api.pages.png import png_response
from api.problems import responses
from core.datasets.catalog import find_dataset
from core.previews import pictures
from core.previews.process import images_of
from core.settings import Settings
from core.storage import storage_of

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

_PNG: dict[int | str, dict[str, Any]] = {
    200: {"description": "A picture", "content": {"image/png": {}}}
}


class RotationBody(BaseModel):
    """Whether rotation can be told on the images, measured without labels and without training."""

    verdict: Literal["hidden", "partly", "given_away"]
    sentence: str
    chance: float
    pixels: float = Field(description="Accuracy of a linear probe on 8 x 8 pixels.")
    untrained: float = Field(description="The same on features of an encoder with random weights.")
    sampling_error: float = Field(description="Of `pixels`, from the choice of test images.")
    probe_train_images: int
    probe_test_images: int


def _folder(session: Session, settings: Settings, dataset_id: str) -> AbstractContextManager[Path]:
    return images_of(storage_of(settings), find_dataset(session, dataset_id).digest)


@router.get(
    "/{dataset_id}/sheet", response_class=Response, responses={**_PNG, **responses(404, 409)}
)
def sheet(
    dataset_id: str,
    session: SessionDep,
    settings: SettingsDep,
    page: Annotated[int, Query(ge=0, le=10_000, description="Which images.")] = 0,
) -> Response:
    """Sixty of the images."""
    with _folder(session, settings, dataset_id) as folder:
        return png_response(pictures.of_dataset(folder, page=page))


@router.get(
    "/{dataset_id}/mean", response_class=Response, responses={**_PNG, **responses(404, 409)}
)
def mean(dataset_id: str, session: SessionDep, settings: SettingsDep) -> Response:
    """The mean image, turned by 0, 90, 180 and 270 degrees counter-clockwise."""
    with _folder(session, settings, dataset_id) as folder:
        return png_response(pictures.of_mean(folder))


@router.get(
    "/{dataset_id}/rotation", response_model=RotationBody, responses=responses(404, 409, 503)
)
def rotation(dataset_id: str, session: SessionDep, settings: SettingsDep) -> dict[str, object]:
    """Whether rotation can be told on the images at all; measured once, in a few seconds."""
    with _folder(session, settings, dataset_id) as folder:
        return pictures.rotation_of(folder)


@router.get(
    "/{dataset_id}/operations/{operation}",
    response_class=Response,
    responses={**_PNG, **responses(404, 409, 503)},
)
def operation(
    dataset_id: str, operation: str, session: SessionDep, settings: SettingsDep
) -> Response:
    """Two images and what an operation does to them, at a third, two thirds and all of the largest
    strength that presets search.
    """
    with _folder(session, settings, dataset_id) as folder:
        return png_response(pictures.of_operation(folder, operation))
