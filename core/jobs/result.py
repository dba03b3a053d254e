"""The result of a trial, counted exactly once: one statement, which needs no lock but that of the
trial. What follows from it for the job is asked afterwards (`core.jobs.advance.is_due`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double, Executable, String, bindparam, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from core.jobs.claim import ClaimedTrial
from core.store.tables import Base, Job, Trial
from core.store.transitions import may_become
from quarterturn.pretrain.outcome import KeptEncoder, Outcome

_TRIALS, _TOTALS = Base.metadata.tables["trials"], Base.metadata.tables["totals"]
_trials = _TRIALS.c


def _reported(*names: str) -> dict[str, Any]:
    return {name: bindparam(f"new_{name}", type_=_trials[name].type) for name in names}


# Made once: a thousand results a minute differ in nothing but what is bound.
_ENDED = (
    update(_TRIALS)
    .where(
        _trials.id == bindparam("trial_id"),
        _trials.lease_token == bindparam("token"),
        may_become("trials", "completed"),
    )
    .values(
        state="completed",
        lease_token=None,
        lease_expires_at=None,
        log_tail=None,
        finished_at=func.clock_timestamp(),
        **_reported(
            "score",
            "sampling_error",
            "held_out",
            "collapsed",
            "metrics",
            "curve",
            "iterations_run",
            "provenance",
            "fingerprint",
            "progress",
            "seconds",
        ),
    )
    .returning(_trials.id)
    .cte("ended")
)
_SUMS = (
    func.unnest(bindparam("names", type_=ARRAY(String)), bindparam("values", type_=ARRAY(Double)))
    .table_valued("name", "value", name="sums")
    .render_derived()
)
_ADDED = (
    insert(_TOTALS)
    .from_select(
        ["name", "kind", "value"],
        # In one order, so that two never wait for one another.
        select(_SUMS.c.name, bindparam("kind", type_=String), _SUMS.c.value)
        .where(select(_ENDED.c.id).exists())
        .order_by(_SUMS.c.name),
    )
    .add_cte(_ENDED)
)
_RECORD: Executable = _ADDED.on_conflict_do_update(
    index_elements=["name", "kind"],
    set_={"value": _TOTALS.c.value + _ADDED.excluded.value},
).returning(literal_column("1"))


def _sums(claimed: ClaimedTrial, outcome: Outcome) -> dict[str, float]:
    """What a result adds to `core.jobs.totals`."""
    iterations = outcome.iterations_run
    return {
        "completed_trials": 1.0,
        "iterations": iterations,
        "images": iterations * claimed.spec.pretraining.batch_size,
        "pretraining_seconds": outcome.pretraining_seconds,
        "scoring_seconds": outcome.scoring_seconds,
    }


def record(session: Session, claimed: ClaimedTrial, outcome: Outcome) -> bool:
    """Record a result, and the final encoder if it is one (then in a transaction with it).

    Returns:
        Whether it counts; a late one, whose lease is lost, is dropped.
    """
    if outcome.encoder is not None:
        _keep(session, claimed, outcome.encoder)
    sums = _sums(claimed, outcome)
    found = session.execute(
        _RECORD,
        {
            "trial_id": claimed.id,
            "token": claimed.token,
            "kind": claimed.spec.task.split("/", 1)[0],
            "names": list(sums),
            "values": [float(value) for value in sums.values()],
            "new_metrics": outcome.stored_metrics,
            "new_iterations_run": outcome.iterations_run,
            "new_progress": claimed.spec.iterations,
            "new_seconds": outcome.pretraining_seconds + outcome.scoring_seconds,
            **{
                f"new_{name}": getattr(outcome, name)
                for name in (
                    "score",
                    "sampling_error",
                    "held_out",
                    "collapsed",
                    "curve",
                    "provenance",
                    "fingerprint",
                )
            },
        },
    )
    return bool(found.all())


def _keep(session: Session, claimed: ClaimedTrial, encoder: KeptEncoder) -> None:
    held = (Trial.id == claimed.id, Trial.lease_token == claimed.token)
    session.execute(
        update(Job)
        .where(Job.id == claimed.job_id, select(Trial.id).where(*held).exists())
        .values(encoder={**encoder.to_dict(), "policy": claimed.policy.name})
        .execution_options(synchronize_session=False)
    )
