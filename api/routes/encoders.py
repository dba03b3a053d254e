"""The final encoder of a job."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse

from api.deps import SessionDep, SettingsDep
from api.files import StoredFile
from api.problems import responses
from core.jobs.encoder_card import encoder_card
from core.jobs.encoders import job_with_encoder
from core.store.tables import Dataset
from quarterturn.storage.keys import encoder_key

router = APIRouter(prefix="/v1/jobs", tags=["encoders"])


@router.get(
    "/{job_id}/encoder",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "A safetensors file"},
        **responses(404, 409, 503),
    },
)
def read(job_id: str, session: SessionDep, settings: SettingsDep) -> FileResponse:
    """The encoder pretrained with the selected policy on all images, as safetensors."""
    job = job_with_encoder(session, job_id)
    return StoredFile(encoder_key(job.id), "encoder.safetensors", settings)


@router.get(
    "/{job_id}/encoder/card",
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"text/markdown": {}}, "description": "The model card"},
        **responses(404, 409),
    },
)
def read_card(job_id: str, session: SessionDep) -> PlainTextResponse:
    """What the encoder is, what it was made from, and how to load it, in Markdown."""
    job = job_with_encoder(session, job_id)
    text = encoder_card(job, session.get_one(Dataset, job.dataset_id))
    return PlainTextResponse(text, media_type="text/markdown")
