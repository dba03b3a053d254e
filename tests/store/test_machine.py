"""A state machine over jobs and trials, against a real database: whatever happens in any order,
states go along the arrows, each trial is counted once, and every job comes to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import lifecycle
from core.jobs import claim as trials
from core.jobs.advance import advance
from core.jobs.control import cancel_job, pause_job, resume_job, stop_job
from core.jobs.sweep import sweep
from core.settings import Settings, get_settings
from core.store.database import session_scope
from core.store.tables import Job, Trial
from quarterturn.errors import ConflictError
from tests.store.rows import complete, make_job, outcome

_PICK = st.integers(0, 10_000)


def _reachable(table: str, begin: str) -> set[str]:
    """The states that can follow, at once or later."""
    seen, waiting = {begin}, [begin]
    while waiting:
        for state in lifecycle.TABLES[table][waiting.pop()] - seen:
            seen.add(state)
            waiting.append(state)
    return seen


class Jobs(RuleBasedStateMachine):
    """Workers, users and the sweeper, one step at a time."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.settings: Settings = get_settings()
        self.states: dict[str, tuple[str, str]] = {}
        self.scores: dict[str, float] = {}
        strategy = {"kind": "successive_halving", "candidates": 2, "rungs": 2}
        self.job, _ = make_job(self.settings, strategy=strategy, iterations=9)

    def _trial(self, pick: int) -> str:
        with session_scope() as session:
            query = select(Trial.id).where(Trial.job_id == self.job).order_by(Trial.number)
            found = session.scalars(query).all()
        return found[pick % len(found)]

    @rule(target=claims, pick=_PICK)
    def claim(self, pick: int) -> trials.ClaimedTrial | None:
        with session_scope() as session:
            return trials.claim(session, self._trial(pick), f"w{pick}", self.settings)

    @rule(claimed=claims, score=st.floats(0.25, 1.0))
    def complete(self, claimed: trials.ClaimedTrial | None, score: float) -> None:
        if claimed is not None:
            complete(claimed, outcome(score))

    @rule(claimed=claims)
    def fail(self, claimed: trials.ClaimedTrial | None) -> None:
        if claimed is not None:
            with session_scope() as session:
                trials.fail(session, claimed, "error", "It broke.")

    @rule(claimed=claims)
    def hand_back(self, claimed: trials.ClaimedTrial | None) -> None:
        if claimed is not None:
            with session_scope() as session:
                trials.hand_back(session, claimed)

    @rule(claimed=claims)
    def beat(self, claimed: trials.ClaimedTrial | None) -> None:
        """A worker that is told of a cancel stops its trial."""
        if claimed is None:
            return
        with session_scope() as session:
            answer = trials.heartbeat(session, claimed, 1, self.settings)
        if answer == "cancelled":
            with session_scope() as session:
                trials.stop(session, claimed, "cancelled", "The job was cancelled.")

    @rule(pick=_PICK)
    def fall_silent(self, pick: int) -> None:
        with session_scope() as session:
            session.execute(
                update(Trial)
                .where(Trial.id == self._trial(pick), Trial.state == "running")
                .values(lease_expires_at=func.now() - timedelta(seconds=1))
            )

    @rule(empty=st.booleans())
    def sweep(self, empty: bool) -> None:
        with session_scope() as session:
            sweep(session, self.settings, set() if empty else None)

    @rule()
    def advance(self) -> None:
        with session_scope() as session:
            advance(session, self.job)

    @rule()
    def cancel(self) -> None:
        try:
            with session_scope() as session:
                cancel_job(session, self.job)
        except ConflictError:
            with session_scope() as session:
                assert session.get_one(Job, self.job).state in ("completed", "failed")

    @rule(action=st.sampled_from((pause_job, resume_job, stop_job)))
    def control(self, action: Callable[[Session, str], object]) -> None:
        try:
            with session_scope() as session:
                action(session, self.job)
        except ConflictError:
            with session_scope() as session:
                state = session.get_one(Job, self.job).state
            assert state in {*lifecycle.ENDING_JOBS, *lifecycle.final("jobs")}

    @invariant()
    def states_go_along_the_arrows(self) -> None:
        with session_scope() as session:
            job = session.get_one(Job, self.job)
            rows = session.scalars(select(Trial).where(Trial.job_id == self.job)).all()
            now = {job.id: ("jobs", job.state)} | {row.id: ("trials", row.state) for row in rows}
        for name, (table, state) in now.items():
            before = self.states.get(name)
            assert before is None or state in _reachable(table, before[1]), (name, before, state)
        assert set(self.states) <= set(now), "nothing is lost"
        self.states = now

    @invariant()
    def results_are_counted_once(self) -> None:
        with session_scope() as session:
            rows = session.scalars(select(Trial).where(Trial.job_id == self.job)).all()
        places = [(row.task, row.candidate_key, row.seed, row.iterations) for row in rows]
        assert len(set(places)) == len(places)
        for row in rows:
            assert row.attempt <= self.settings.max_attempts
            assert (row.lease_token is not None) == (row.state == "running")
            if row.state == "completed":
                assert row.score is not None
                assert self.scores.setdefault(row.id, row.score) == row.score, "never overwritten"

    def teardown(self) -> None:
        """Whatever happened, a worker and a sweeper bring the job to its end."""
        self.control(resume_job)
        for _ in range(200):
            with session_scope() as session:
                session.execute(
                    update(Trial)
                    .where(Trial.job_id == self.job, Trial.state == "running")
                    .values(lease_expires_at=func.now() - timedelta(seconds=1))
                )
            with session_scope() as session:
                sweep(session, self.settings, set())
            with session_scope() as session:
                job = session.get_one(Job, self.job)
                due = session.scalars(
                    select(Trial.id).where(Trial.job_id == self.job, Trial.state == "queued")
                ).all()
            if job.state in lifecycle.final("jobs"):
                break
            for trial_id in due:
                with session_scope() as session:
                    claimed = trials.claim(session, trial_id, "last", self.settings)
                self.complete(claimed, 0.5)
        self.states_go_along_the_arrows()
        self.results_are_counted_once()
        with session_scope() as session:
            job = session.get_one(Job, self.job)
            rows = session.scalars(select(Trial).where(Trial.job_id == self.job)).all()
        assert job.state in lifecycle.final("jobs")
        assert {row.state for row in rows} <= lifecycle.final("trials")
        if job.state == "completed":
            assert job.policy is not None
            assert any(row.state == "completed" for row in rows)


def test_whatever_happens_to_a_job(database: Settings) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Jobs,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
