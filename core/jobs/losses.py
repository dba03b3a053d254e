"""Attempts at a trial whose worker fell silent: kept with the trial, to say what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, literal
from sqlalchemy.dialects.postgresql import JSONB

from core.store.tables import Trial


@dataclass(frozen=True)
class Loss:
    """An attempt: who made it, when it began, and when its worker was last heard of."""

    worker: str
    attempt: int
    began: datetime
    heard: datetime


def with_this_loss() -> ColumnElement[Any]:
    """The losses of a trial and its running attempt, for an UPDATE that takes its lease away."""
    this = func.jsonb_build_array(
        func.jsonb_build_object(
            "worker",
            Trial.worker,
            "attempt",
            Trial.attempt,
            "began",
            Trial.started_at,
            "heard",
            Trial.heartbeat_at,
        )
    )
    return func.coalesce(Trial.lost, literal([], JSONB)).op("||")(this)


def losses_of(lost: list[Any] | None) -> Iterator[Loss]:
    """From what is stored."""
    for entry in lost or []:
        yield Loss(
            str(entry["worker"]),
            int(entry["attempt"]),
            datetime.fromisoformat(entry["began"]),
            datetime.fromisoformat(entry["heard"]),
        )
