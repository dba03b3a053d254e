"""A page of jobs for a list: state, progress, best score against the best baseline, cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import BindParameter, Float, Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from core.lifecycle import JOB
from core.store.tables import CandidateRow, Dataset, Job, Trial
from quarterturn.search.history import CONFIRMATION, SEARCH

PAGE = 25
Order = Literal["newest", "oldest", "name", "gain"]
ORDERS: tuple[Order, ...] = get_args(Order)
STATES = tuple(JOB)
#: What is counted and averaged over the trials of each job.
Progress = dict[str, dict[str, Any]]

_COLUMNS = (
    Job.id,
    Job.name,
    Job.state,
    Job.reason,
    Job.message,
    Job.dataset_id,
    Job.summary,
    Job.created_at,
    Job.started_at,
    Job.finished_at,
    Dataset.name.label("dataset"),
    Job.spec["search_space"]["name"].astext.label("space"),
    Job.spec["strategy"]["kind"].astext.label("strategy"),
    Job.spec["scoring"]["criterion"].astext.label("criterion"),
)


@dataclass(frozen=True)
class JobPage:
    """Rows, which page they are, of how many, and the count of jobs that fit the question."""

    rows: list[dict[str, Any]]
    page: int
    pages: int
    count: int


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _matching(query: Select[Any], text: str | None, state: str | None) -> Select[Any]:
    if text:
        like = f"%{_escaped(text)}%"
        query = query.where(
            or_(
                Job.name.ilike(like),
                Job.id == text,
                Job.dataset_id == text,
                Dataset.name.ilike(like),
            )
        )
    return query.where(Job.state == state) if state else query


def _ordered(query: Select[Any], order: Order) -> Select[Any]:
    def score(of: str) -> Any:
        return Job.summary[of]["score"].astext.cast(Float)

    if order == "name":
        return query.order_by(Job.name, Job.id)
    if order == "oldest":
        return query.order_by(Job.id)
    if order == "gain":
        gain = score("best") - score("baseline")
        return query.order_by(gain.desc().nulls_last(), Job.id.desc())
    return query.order_by(Job.id.desc())


# Made once: to write these takes longer than to ask them.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_COSTS = (
    select(Trial.job_id, Trial.state, func.count(Trial.id), func.sum(Trial.seconds))
    .where(Trial.job_id.in_(_IDS))
    .group_by(Trial.job_id, Trial.state)
)
_WITHOUT_SUMMARY = select(Job.id).where(Job.id.in_(_IDS), Job.summary.is_(None))


def _the_bests() -> Select[Any]:
    baseline = (CandidateRow.origin == "baseline").label("baseline")
    means = (
        select(
            Trial.job_id,
            baseline,
            CandidateRow.name,
            Trial.task,
            Trial.iterations,
            func.avg(Trial.score).label("score"),
        )
        .join(
            CandidateRow,
            (CandidateRow.job_id == Trial.job_id) & (CandidateRow.key == Trial.candidate_key),
        )
        .where(
            Trial.job_id.in_(_IDS),
            Trial.state == "completed",
            Trial.collapsed.is_(False),
            Trial.task.in_((SEARCH, CONFIRMATION)),
            Trial.score.is_not(None),
        )
        .group_by(Trial.job_id, baseline, CandidateRow.name, Trial.task, Trial.iterations)
        .subquery()
    )
    first = func.row_number().over(
        partition_by=(means.c.job_id, means.c.baseline),
        order_by=(
            (means.c.task == CONFIRMATION).desc(),
            means.c.iterations.desc(),
            means.c.score.desc(),
        ),
    )
    placed = select(means, first.label("place")).subquery()
    return select(placed).where(placed.c.place == 1)


_BESTS = _the_bests()


def _costs(session: Session, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of each job trials by state, and seconds of trials."""
    found: dict[str, dict[str, Any]] = defaultdict(lambda: {"counts": {}, "seconds": 0.0})
    for job_id, state, count, seconds in session.execute(_COSTS, {"ids": ids}):
        found[job_id]["counts"][state] = count
        found[job_id]["seconds"] += float(seconds or 0.0)
    return found


def _bests(session: Session, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of those without a summary: the best means so far, where pretraining was longest."""
    found: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"best": None, "baseline": None, "evidence": None}
    )
    # Asked before: PostgreSQL would read all trials there are to find that none is of such a job.
    without = list(session.scalars(_WITHOUT_SUMMARY, {"ids": ids}))
    for row in session.execute(_BESTS, {"ids": without}) if without else ():
        place = "baseline" if row.baseline else "best"
        entry = {"name": row.name, "score": row.score, "error": None, "at": row.iterations}
        found[row.job_id][place] = entry
    return found


def progress_of(session: Session, jobs: Collection[str]) -> Progress:
    """Of each job trials by state, seconds of trials, and without a summary the best so far. Reads
    all their trials.
    """
    ids = list(jobs)
    if not ids:
        return {}
    found = _costs(session, ids)
    bests = _bests(session, ids)
    return {job_id: {**found[job_id], **bests[job_id]} for job_id in ids}


def job_page(
    session: Session,
    *,
    text: str | None = None,
    state: str | None = None,
    order: Order = "newest",
    page: int = 1,
    progress: Callable[[Session, dict[str, str]], Progress] = progress_of,
) -> JobPage:
    """The jobs of the session's owner whose name, dataset or id fits; a page too far is the last.

    Specifications, rankings and policies, which are long, are not read.

    Args:
        progress: as `progress_of`; of jobs with their states.
    """
    base = select(func.count(Job.id)).join(Dataset, Dataset.id == Job.dataset_id)
    count = session.scalar(_matching(base, text, state)) or 0
    pages = max(1, -(-count // PAGE))
    page = min(max(1, page), pages)
    query = _matching(select(*_COLUMNS).join(Dataset, Dataset.id == Job.dataset_id), text, state)
    found = session.execute(_ordered(query, order).limit(PAGE).offset((page - 1) * PAGE)).all()
    reached = progress(session, {row.id: row.state for row in found})
    rows = [{**row._mapping, **reached[row.id], **(row.summary or {})} for row in found]
    return JobPage(rows, page, pages, count)
