"""The selected policy of a job, in the form of a library."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from sqlalchemy.orm import Session

from api.deps import SessionDep
from api.problems import responses
from core.jobs.create import find_job
from core.jobs.selected import selected_policy
from core.store.tables import Dataset, Job
from quarterturn.export import FORMATS, Options, export
from quarterturn.policy import Policy

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

# Not an enum: an unknown format has a code of its own, with the list.
Format = Annotated[
    str,
    Query(
        max_length=32,
        description="The library; see docs/exporting.md.",
        json_schema_extra={"enum": list(FORMATS)},
    ),
]
Size = Annotated[
    int | None,
    Query(
        ge=8,
        le=4096,
        description="Side of crops in pixels, for `albumentations`; by default "
        "the working resolution of the dataset.",
    ),
]
View = Annotated[int, Query(ge=0, le=1, description="Which view, for `albumentations` and `timm`.")]


def policy_file(
    session: Session, job: Job, policy: Policy, format: str, size: int | None, view: int
) -> Response:
    """A policy as a download; crops are sized for the images of the job, if not said otherwise."""
    if size is None:
        dataset = session.get(Dataset, job.dataset_id)
        size = dataset.resolution if dataset else None
    made = export(policy, format, Options(size=size, view=view))
    disposition = f'attachment; filename="{made.filename}"'
    return Response(
        made.text, media_type=made.media_type, headers={"Content-Disposition": disposition}
    )


@router.get(
    "/{job_id}/policy",
    response_class=Response,
    responses={
        200: {
            "description": "The policy as a file",
            "content": {"application/json": {}, "text/x-python": {}},
        },
        **responses(404, 409, 422),
    },
)
def policy(
    job_id: str,
    session: SessionDep,
    format: Format = "json",
    size: Size = None,
    view: View = 0,
) -> Response:
    """The selected policy: as policy.json, or as a file for another library."""
    job = find_job(session, job_id)
    return policy_file(session, job, selected_policy(job), format, size, view)
