"""The final encoder of a job."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse

from api.deps import SessionDep, SettingsDep
from api.problems import responses
from core.jobs.card import card
from core.jobs.encoders import encoder_file
from core.store.tables import Dataset

router = APIRouter(prefix="/v1/jobs", tags=["encoders"])


@router.get(
    "/{job_id}/encoder",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "A safetensors file"},
        **responses(404, 409),
    },
)
def read(job_id: str, session: SessionDep, settings: SettingsDep) -> FileResponse:
    """The encoder pretrained with the selected policy on all images, as safetensors."""
    _, path = encoder_file(session, job_id, settings)
    return FileResponse(path, media_type="application/octet-stream", filename="encoder.safetensors")


@router.get(
    "/{job_id}/encoder/card",
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"text/markdown": {}}, "description": "The model card"},
        **responses(404, 409),
    },
)
def read_card(job_id: str, session: SessionDep, settings: SettingsDep) -> PlainTextResponse:
    """What the encoder is, what it was made from, and how to load it, in Markdown."""
    job, _ = encoder_file(session, job_id, settings)
    text = card(job, session.get_one(Dataset, job.dataset_id))
    return PlainTextResponse(text, media_type="text/markdown")
