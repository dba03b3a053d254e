"""The page of a dataset."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.settings import Settings
from core.storage import storage_of
from core.store.tables import Dataset, Job
from quarterturn.storage.keys import dataset_key

_JOBS_SHOWN = 20


def dataset_page(
    session: Session, dataset: Dataset, settings: Settings, page: int
) -> dict[str, Any]:
    """What the template needs."""
    jobs = session.execute(
        select(Job.id, Job.name, Job.state)
        .where(Job.dataset_id == dataset.id)
        .order_by(Job.id.desc())
        .limit(_JOBS_SHOWN)
    ).all()
    return {
        "dataset": dataset,
        "jobs": jobs,
        "skipped": sum(dataset.skipped_reasons.values()),
        "here_now": storage_of(settings).has(dataset_key(dataset.digest)),
        "page": page,
    }
