"""One trial of any kind from start to result: what a worker does, without a database in sight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from quarterturn.density.execute import execute_density_trial
from quarterturn.models.tensors import Weights
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.checkpoints import CheckpointStore, Elsewhere
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.initial import Origin, initial_weights, origin_of
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.spec import TrialSpec
from quarterturn.pretrain.trainer import Watch
from quarterturn.storage import Storage
from quarterturn.trial.execute import execute_trial, under_way
from quarterturn.trial.keeping import execute_kept
from quarterturn.trial.pack import PackedTrial, PlacedOutcome, execute_pack


def execute(
    spec: TrialSpec,
    policy: Policy,
    data: TrialData,
    *,
    job: str,
    candidate: str,
    storage: Storage,
    watch: Watch,
    elsewhere: Elsewhere | None = None,
    keep_seconds: float | None = None,
) -> Outcome:
    """Pretrain and score a candidate or, where the trial has a payload, work on a fold, or pretrain
    an encoder that is kept.

    Args:
        elsewhere: other jobs that may have kept the state from which the trial goes on.
        keep_seconds: how often to keep the state of a run that is under way, for another attempt.

    Raises:
        DivergedError: the features are not finite. WeightsUnavailableError: what it starts from is
        not there. Errors of the storage, and whatever `watch` raises.
    """
    if spec.is_kept:
        return execute_kept(
            spec,
            policy,
            data,
            job=job,
            storage=storage,
            watch=watch,
            keep_seconds=keep_seconds,
        )
    initial, origin = initial_weights(spec, job, storage)
    run = execute_trial if spec.payload is None else execute_density_trial
    outcome = run(
        spec,
        policy,
        data.pretrain.shape[-1],
        data,
        job=job,
        candidate=candidate,
        checkpoints=CheckpointStore(storage, elsewhere),
        watch=watch,
        initial=initial,
        keep_seconds=keep_seconds,
    )
    return replace(outcome, init=origin)


def forget(spec: TrialSpec, *, job: str, candidate: str, storage: Storage) -> None:
    """Remove what was kept of a run under way, whose result is recorded. What stages keep goes with
    the job.
    """
    if not spec.is_kept:
        under_way(spec, job, candidate, CheckpointStore(storage), 0.0).forget()


def can_be_packed(spec: TrialSpec) -> bool:
    """Whether a trial can be trained together with others: it pretrains a candidate to score."""
    return not spec.is_kept and spec.payload is None


def execute_together(
    trials: Sequence[PackedTrial],
    data: TrialData,
    *,
    job: str,
    storage: Storage,
    elsewhere: Elsewhere | None = None,
    keep_seconds: float | None = None,
) -> Iterator[PlacedOutcome]:
    """Trials of one job, task and rung that can be packed, each as by `execute`; what a trial
    starts from is filled in here.

    Raises:
        WeightsUnavailableError, and errors of the storage.
    """
    loaded: dict[Origin, tuple[Weights | None, Mapping[str, str | None]]] = {}
    for trial in trials:
        origin = origin_of(trial.spec)
        if origin not in loaded:
            loaded[origin] = initial_weights(trial.spec, job, storage)
    starts = [loaded[origin_of(trial.spec)] for trial in trials]
    ready = [replace(t, initial=start[0]) for t, start in zip(trials, starts, strict=True)]
    outcomes = execute_pack(
        ready,
        data.pretrain.shape[-1],
        data,
        job=job,
        checkpoints=CheckpointStore(storage, elsewhere),
        keep_seconds=keep_seconds,
    )
    for place, outcome in outcomes:
        if isinstance(outcome, Outcome):
            outcome = replace(outcome, init=starts[place][1])
        yield place, outcome
