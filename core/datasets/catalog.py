"""Datasets as records: creating, reading and deleting them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.access.quotas import allow_stored
from core.lifecycle import active
from core.settings import Settings
from core.storage import storage_of
from core.store import files
from core.store.database import session_scope
from core.store.files import lock_digest
from core.store.owned import LOCAL
from core.store.tables import Dataset, Job, new_id
from core.store.transitions import transition
from quarterturn.data.asked import PictureOptions
from quarterturn.data.cache import CacheInfo
from quarterturn.data.caps import Caps
from quarterturn.data.ingest import IngestReport, ingest, storable
from quarterturn.data.sources import members_of
from quarterturn.errors import ConflictError, NotFoundError
from quarterturn.storage.keys import dataset_key

_SKIPPED_KEPT = 10_000


def _ready(session: Session, digest: str) -> Dataset | None:
    query = select(Dataset).where(Dataset.digest == digest, Dataset.state == "ready")
    return session.scalars(query.limit(1)).one_or_none()


def _report(dataset: Dataset, report: IngestReport) -> None:
    """The report is that of the latest upload, also where the images are known already."""
    dataset.files = report.files
    dataset.skipped_reasons = report.reasons
    dataset.skipped = report.skipped[:_SKIPPED_KEPT]
    dataset.notes = [asdict(note) for note in report.notes]


def _record(
    session: Session, name: str, info: CacheInfo, report: IngestReport
) -> tuple[Dataset, bool]:
    existing = _ready(session, info.digest)
    if existing is not None:
        _report(existing, report)
        session.flush()
        return existing, False
    dataset = Dataset(
        id=new_id("ds"),
        name=name,
        state="ready",
        digest=info.digest,
        resolution=info.resolution,
        images=report.images,
        splits={split: end - start for split, (start, end) in info.splits.items()},
        mean=info.mean,
        std=info.std,
        pictures=info.pictures.model_dump(mode="json", exclude_defaults=True),
        grey=info.grey,
    )
    _report(dataset, report)
    session.add(dataset)
    session.flush()
    session.refresh(dataset)
    return dataset, True


def create_dataset(
    source: Path,
    name: str,
    resolution: int | None,
    settings: Settings,
    owner: str = LOCAL,
    asked: PictureOptions | None = None,
) -> tuple[Dataset, bool]:
    """Ingest an archive, a folder or a list of files and record the dataset.

    Args:
        asked: window, bands and fit.

    Links of a folder are followed, and files of a list read, where the operator allows it.

    Returns:
        The dataset, and whether it is new: the same images at the same resolution are one dataset
        of their owner. Two owners share the files without knowing of one another.

    Raises:
        InvalidInputError, TooLargeError, ForbiddenError (`quota_storage`): nothing is left behind.
    """
    with session_scope(owner) as session:
        allow_stored(session, owner, 1, settings)  # before the work, where it is clear already
    caps = Caps(settings.ingest_limits)
    roots = [source, *settings.dataset_roots] if source.is_dir() else settings.dataset_roots
    members = members_of(source, caps, roots, settings.uploads_dir)
    recorded: list[tuple[Dataset, bool]] = []

    def publish(folder: Path, info: CacheInfo, report: IngestReport) -> None:
        size = info.images * info.resolution**2 * 3
        with session_scope(owner) as session:
            if not _ready(session, info.digest):
                allow_stored(session, owner, size, settings)
            lock_digest(session, info.digest)
            # Under the lock: a deletion of the same images may be under way.
            storage_of(settings).put(dataset_key(info.digest), folder)
            recorded.append(_record(session, storable(name)[:200] or "unnamed", info, report))

    ingest(members, caps, storage_of(settings), resolution, publish, asked)
    return recorded[0]


def find_dataset(session: Session, dataset_id: str) -> Dataset:
    """The dataset.

    Raises:
        NotFoundError: there is none, or it was deleted.
    """
    dataset = session.get(Dataset, dataset_id)
    if dataset is None or dataset.state == "deleted":
        raise NotFoundError(f"There is no dataset {dataset_id}.", code="dataset_not_found")
    return dataset


def delete_dataset(dataset_id: str, settings: Settings, owner: str = LOCAL) -> None:
    """Delete a dataset and its decoded images; jobs and policies made from it remain.

    Raises:
        NotFoundError, or ConflictError while a job uses it.
    """
    with session_scope(owner) as session:
        find_dataset(session, dataset_id)
        # An exclusive lock: job creation holds a shared one, so either sees the other.
        session.execute(select(Dataset.id).where(Dataset.id == dataset_id).with_for_update())
        users = session.scalars(
            select(Job.id).where(
                or_(
                    Job.dataset_id == dataset_id,
                    Job.spec["pretraining"]["chain"].contains([{"dataset_id": dataset_id}]),
                ),
                Job.state.in_(active("jobs")),
            )
        ).all()
        if users:
            raise ConflictError(
                f"The dataset is used by {len(users)} unfinished jobs, such as {users[0]}. "
                "Cancel them or wait for them first.",
                code="dataset_in_use",
            )
        transition(session, Dataset, "deleting", Dataset.id == dataset_id)
    finish_deletions(settings)


def finish_deletions(settings: Settings) -> None:
    """Remove the files of datasets marked for deletion; also after a crash in between."""
    storage = storage_of(settings)
    files.finish_deletions(Dataset, lambda digest: storage.remove(dataset_key(digest)))
