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
        description="Side in pixels of the squares that views return, cropped from the original; "
        "by default the size of the pictures, or for `albumentations`, `lightly-train` and "
        "`solo-learn` the working resolution of the dataset.",
    ),
]
View = Annotated[int, Query(ge=0, le=1, description="Which view, for `lightly-train`.")]


def policy_file(
    session: Session, job: Job, policy: Policy, format: str, size: int | None, view: int
) -> Response:
    """A policy as a download; of a candidate, which has no selection, with the size of its job."""
    dataset = session.get(Dataset, job.dataset_id)
    if policy.selection is None and dataset is not None:
        searched = {"provenance": {"dataset": {"resolution": dataset.resolution}}}
        policy = policy.model_copy(update={"selection": searched})
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
